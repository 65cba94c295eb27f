/* A prepared run, as `prepare` stores it, for the tests of what reads it. */
#ifndef UNIT_FROZEN_FIXTURE_H
#define UNIT_FROZEN_FIXTURE_H

#define FROZEN_DELIVERY                                                                            \
    "{\"connector\":\"slack\",\"channel\":\"C01\",\"channel_argument\":\"channel\","               \
    "\"text_argument\":\"text\",\"fixed_arguments\":{\"unfurl_links\":false},"                     \
    "\"text_chars_max\":4000,\"continues\":false,\"history_tool\":\"slack_history\","              \
    "\"authors\":[\"B1\",7,\"U1\"]}"
#define FROZEN_TOOLS                                                                               \
    "[{\"name\":\"find\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"}},"           \
    "{\"name\":\"send\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"}}]"
#define FROZEN_TOOL_LIST                                                                           \
    "[{\"model_name\":\"find\",\"name\":\"sanity_find\",\"connector\":\"sanity\","                 \
    "\"connection_name\":\"sanity-1\",\"noun\":\"documents\",\"is_delivery\":false},"              \
    "{\"model_name\":\"send\",\"name\":\"slack_send\",\"connector\":\"slack\","                    \
    "\"connection_name\":\"slack-1\",\"noun\":\"message\",\"is_delivery\":true}]"
#define FROZEN_REST                                                                                \
    "\"first_message\":\"Today: Monday\",\"model\":\"claude-x\",\"user_hash\":\"ab\","             \
    "\"date\":\"2026-11-23\",\"max_tokens\":100,\"turns_max\":5,\"tool_output_bytes_max\":1000,"   \
    "\"effort\":\"medium\",\"prices\":{\"input\":3,\"output\":15,\"max_output_tokens\":300},"      \
    "\"accounts\":[{\"connector\":\"slack\",\"connection_name\":\"slack-1\","                      \
    "\"account_id\":\"ca_1\",\"identity\":\"{}\"}]"
#define FROZEN                                                                                     \
    "{\"system\":\"Be \\u0062rief.\",\"tools\":" FROZEN_TOOLS ",\"tool_list\":" FROZEN_TOOL_LIST   \
    ",\"delivery\":" FROZEN_DELIVERY "," FROZEN_REST "}"

#endif
