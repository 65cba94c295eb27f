// Points where ScaleKit's behaviour is contradictory or unknown: the sandbox takes the stricter
// reading, and POST /variants switches to another one.

export const VARIANTS = {
  json_case: ["snake", "camel"],                  // spelling of names in answers
  zero_values: ["emit", "omit"],                  // "next_page_token": "" or nothing
  create_status: [201, 200],
  duplicate_create: [400, 409],
  unknown_tool: [400, 404],
  unknown_account_id: [500, 404],                 // /details with an unknown ca_ id
  scoped_without_account: ["not_found", "empty"],
  scoped_entry_without_tool: [false, true],       // one entry of the first page lacks "tool"
  scoped_page_size: [10, 20, 50, 100],            // when page_size is not given
  verify_mode: ["B2B", "SCALEKIT_PLATFORM", "NONE"],
  missing_verify_url: ["browser", "400"],         // where a missing user_verify_url shows
  verify_repeat: ["not_found", "ok"],             // the second verify of one auth request
  reauth_active: ["keep", "pending"],             // an ACTIVE account when a new link is made
  callback_errors: ["redirect", "page"],          // whether Deny comes back to the application
  mcp_result: ["text", "native", "mcp"],          // what data.result of a Sanity tool holds
  array_wrapper: ["array", "items"],
  execution_id: ["present", "empty"],
  slack_history_page: [1000, 15],                 // some Slack apps get 15 messages a page
  // Any string: what a link begins with instead of the sandbox's own address.
  link_base: null,
  // Seconds that a magic link and an auth request live.
  link_ttl: 900,
  auth_request_ttl: 600,
};

export function createVariants() {
  const values = {};
  const reset = () => {
    for (const [name, choice] of Object.entries(VARIANTS)) {
      values[name] = Array.isArray(choice) ? choice[0] : choice;
    }
  };
  reset();
  return {
    values,
    reset,
    /** Sets some; throws on a name or value that is not in the table. */
    set(given) {
      for (const [name, value] of Object.entries(given)) {
        if (!Object.hasOwn(VARIANTS, name)) throw new Error(`unknown variant "${name}"`);
        const choice = VARIANTS[name];
        const fits = Array.isArray(choice) ? choice.includes(value)
          : typeof choice === "number" ? Number.isFinite(value)
            : value === null || typeof value === "string";
        if (!fits) throw new Error(`${name} cannot be ${JSON.stringify(value)}`);
      }
      Object.assign(values, given);
      return values;
    },
  };
}
