#include "web/words.h"

#include "agent/accounts.h"

#include <ctype.h>
#include <string.h>

/* ---- why a briefing failed ---- */

#define SEND_AGAIN      "Send a new briefing. If it happens again, tell those who run this service."
#define NOTHING_POSTED  " Nothing was posted."
#define TELL_THOSE      "Tell those who run this service; sending another one will not help."
#define AN_OPERATOR_CAN " Only those who run this service can mend that."

static const struct {
    const char *code, *meaning, *advice;
} failures[] = {
    {"connector_not_ready",           "An account was not connected in time." NOTHING_POSTED,
     "Connect it on the start page, then send a new briefing."                                                          },
    {"connector_revoked",
     "An account stopped working while the briefing was being written." NOTHING_POSTED,
     "Connect it again on the start page, then send a new briefing."                                                    },
    {"connector_service_unavailable",
     "ScaleKit, which looks after your accounts, could not be reached." NOTHING_POSTED,
     "Send a new briefing in a few minutes. If it happens again, tell those who run this service."                      },
    {"credentials_rejected",
     "Claude or ScaleKit does not accept this service any more." NOTHING_POSTED AN_OPERATOR_CAN,
     TELL_THOSE                                                                                                         },
    {"tools_missing",
     "An account does not offer everything that this briefing needs." NOTHING_POSTED,
     "Connect an account that may read the content and post into the channel. If it is the right "
     "one, tell those who run this service."                                                                            },
    {"tool_failed",                   "Your content could not be read." NOTHING_POSTED,
     "Check the project and dataset in your defaults, then send a new briefing."                                        },
    {"tool_timeout",                  "Your content took too long to answer." NOTHING_POSTED,                 SEND_AGAIN},
    {"model_unavailable",             "Claude could not be reached for too long." NOTHING_POSTED,
     "Send a new briefing in a few minutes."                                                                            },
    {"model_refused",                 "Claude declined to write this briefing." NOTHING_POSTED,               SEND_AGAIN},
    {"model_truncated",               "Claude's answer was too long to be used." NOTHING_POSTED,              SEND_AGAIN},
    {"model_rejected",
     "Claude did not accept what this service asked." NOTHING_POSTED AN_OPERATOR_CAN,                         TELL_THOSE},
    {"model_context_exceeded",
     "There was more content than Claude can read at once." NOTHING_POSTED,
     "Tell those who run this service: the briefing has to ask for less."                                               },
    {"model_max_turns",               "Claude needed more steps than a briefing may take." NOTHING_POSTED,
     SEND_AGAIN                                                                                                         },
    {"not_delivered",                 "Claude finished without writing a message." NOTHING_POSTED,            SEND_AGAIN},
    {"delivery_rejected",             "The channel did not take the message." NOTHING_POSTED,
     "Check the channel in your defaults, and that the app is a member of it. Then send a new "
     "briefing."                                                                                                        },
    {"budget_exceeded",               "It would have cost more than a briefing may." NOTHING_POSTED,
     "Tell those who run this service, who set the limit."                                                              },
    {"deadline_exceeded",             "It took longer than a briefing may." NOTHING_POSTED,                   SEND_AGAIN},
    {"crash_loop",                    "The service stopped several times over this briefing." NOTHING_POSTED,
     TELL_THOSE                                                                                                         },
    {"internal_replay_mismatch",
     "The service was changed while it was being written, and did not go on "
     "blindly." NOTHING_POSTED,
     SEND_AGAIN                                                                                                         },
};

#define UNKNOWN_MEANING                                                                            \
    "No answer came, so nobody knows whether the message was posted. It was not sent again."
#define UNKNOWN_ADVICE                                                                             \
    "Look into the channel for a message that ends with this briefing's number. If it is not "     \
    "there, send a new briefing. Tell those who run this service what you found."

static struct run_words words_of_failure(const struct run_row *row)
{
    if (row->delivery == DELIVERY_SETTLED_DELIVERED)
        return (struct run_words){"good", "Posted",
                                  "Somebody looked into the channel: the message is there.", NULL};
    if (row->delivery == DELIVERY_SETTLED_NOT_DELIVERED)
        return (struct run_words){"bad", "Not posted",
                                  "Somebody looked into the channel: the message is not there.",
                                  "Send a new briefing."};
    if (text_equal(row->error_code, "restored"))
        return (struct run_words){"bad", "Please check",
                                  "The service was restored from a backup, so nobody knows how far "
                                  "this briefing came. It was not sent again.",
                                  UNKNOWN_ADVICE};
    if (row->needs_attention || text_equal(row->error_code, "delivery_unknown"))
        return (struct run_words){"bad", "Please check", UNKNOWN_MEANING, UNKNOWN_ADVICE};
    for (size_t i = 0; i < ARRAY_LEN(failures); i++)
        if (text_equal(row->error_code, failures[i].code))
            return (struct run_words){"bad", "Failed", failures[i].meaning, failures[i].advice};
    return (struct run_words){"bad", "Failed", "Something went wrong here." NOTHING_POSTED,
                              SEND_AGAIN};
}

/* ---- how a briefing stands ---- */

static struct run_words words_of_queued(const struct run_row *row)
{
    if (text_equal(row->phase, "waiting_for_credentials"))
        return (struct run_words){"wait", "Paused",
                                  "Claude or ScaleKit does not accept this service at the "
                                  "moment." AN_OPERATOR_CAN,
                                  "Nothing for you to do: it goes on by itself once that is done."};
    return (struct run_words){"live", "Starting", "It is next in line.", NULL};
}

struct run_words words_of_run(const struct run_row *row)
{
    switch (row->status) {
    case RUN_QUEUED:
        return words_of_queued(row);
    case RUN_RUNNING:
        return (struct run_words){"live", "Being written",
                                  "Claude is reading your content and writes the message.", NULL};
    case RUN_DELIVERING:
        return (struct run_words){"live", "Being posted", "The message is on its way.", NULL};
    case RUN_BLOCKED:
        return (struct run_words){"wait", "Waiting for you",
                                  "This briefing needs an account that is not connected.",
                                  "Connect it: the briefing then goes on by itself."};
    case RUN_SUCCEEDED:
        if (row->delivery == DELIVERY_PREVIEWED)
            return (struct run_words){"good", "Preview ready",
                                      "This is what would be posted. Nothing was posted.", NULL};
        return (struct run_words){"good", "Posted", "The message was posted.", NULL};
    case RUN_FAILED:
        return words_of_failure(row);
    case RUN_CANCELLED:
        return (struct run_words){"off", "Cancelled", "It was called off." NOTHING_POSTED,
                                  "Send a new briefing when you want one."};
    case RUN_EXPIRED:
        if (!row->blocked_on)
            return (struct run_words){
                "bad", "Not started",
                "Its turn did not come in time, so it was not started." NOTHING_POSTED, SEND_AGAIN};
        return (struct run_words){
            "bad", "Not started",
            "An account was not connected in time, so it was not started." NOTHING_POSTED,
            "See on the start page that everything is connected, then send "
            "a new briefing."};
    case RUN_STATUS_COUNT:
        break;
    }
    return (struct run_words){"off", "Unknown", "", NULL};
}

const char *words_of_mode(const char *mode)
{
    return text_equal(mode, "preview") ? "A preview" : "A message in the channel";
}

/* ---- connections ---- */

struct connection_words words_of_connection(const struct connection_row *row)
{
    const char *status = row ? connection_status(row) : NULL;
    if (!row)
        return (struct connection_words){"unknown", "Not connected yet", NULL, "Connect", NULL};
    if (connection_is_usable(row))
        return (struct connection_words){"usable", "Connected", NULL, "Change account",
                                         "Connected since "};
    if (text_equal(status, ACCOUNT_PENDING_CONFIRMATION))
        return (struct connection_words){"waiting", "To be confirmed",
                                         "Connected, and waiting to be confirmed: whoever sent you "
                                         "here still has to say that this is the right account. "
                                         "Briefings wait until then; there is nothing for you to "
                                         "do.",
                                         "Change account", "Connected since "};
    if (text_equal(status, ACCOUNT_NOT_CONNECTED))
        return (struct connection_words){"absent", "Not connected", NULL, "Connect", NULL};
    if (text_equal(status, "PENDING_AUTH") || text_equal(status, "PENDING_VERIFICATION"))
        return (struct connection_words){"absent", "Not finished",
                                         "Connecting was begun and not finished. Connect again.",
                                         "Connect", NULL};
    return (struct connection_words){"broken", "Needs you",
                                     "The connection has ended, and briefings wait for it. Connect "
                                     "again.",
                                     "Connect again", "Ended "};
}

/* ---- names ---- */

static const struct {
    const char *member, *words;
} members[] = {
    {"id",      "ID"          },
    {"login",   "Account"     },
    {"name",    "Account"     },
    {"team",    "Workspace"   },
    {"team_id", "Workspace ID"},
    {"user",    "Account"     },
    {"user_id", "Account ID"  },
    {"bot_id",  "App ID"      },
};

void words_of_member(const char *member, struct str *out)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (!text_equal(member, members[i].member)) continue;
        str_append_text(out, members[i].words);
        return;
    }
    for (const char *at = member; *at; at++) {
        char c = *at == '_' ? ' ' : *at;
        str_append_char(out, at == member ? (char)toupper((unsigned char)c) : c);
    }
}
