// Everything that the pages can show of a user, made for real: each function brings one briefing or one
// user into a state and returns what is needed to look at it. For tests and for screenshots.

import { ticketFor } from "../system/browser.mjs";
import { toConsent, updateDatabase } from "./chromium.mjs";

const sends = (text) => [{ type: "tool_use", name: "slack_send_message", input: { text } }];

/** A message with everything that Slack's markup knows, and of Slack's full length when `fill` is given. */
export const everyMark = (fill = "") => ["*Editorial Briefing*, Monday 23 November", "",
  "*Drafts Awaiting Review (2)*", "• article: _Reindeer & <b>bold</b> herders_, edited 2 h ago",
  "• snake_case_title, 2*3*4 :memo: ~gone~ `drafts.x`", "> quoted", "```\nconst a = *1*;\n```",
  "<https://example.com/a?b=1&c=2|The calendar> and https://example.com/plain", fill].join("\n");

/** A word of 200 characters without a place to break it. */
export const LONG_TITLE = "Überraschungsveröffentlichung".repeat(7).slice(0, 200);

const ended = async (world, user, fields) => (await world.briefToEnd(user, fields)).id;

/** A user, and the id of their Sanity project: it stands in every prompt of theirs and in no other. */
async function marked(world) {
  const user = await world.connected();
  const { projects: [{ id: mark }] } = await world.control("GET", `/sanity?identifier=${user}`);
  return { user, mark, fields: { params: { sanity_project: mark } } };
}

/** Claude departs from the script for this user alone. */
async function endedWith(world, script, more) {
  const { user, mark, fields } = await marked(world);
  await world.claude({ for: { contains: mark }, ...script });
  return { user, id: await ended(world, user, { ...fields, ...more }) };
}

const failing = (rules, code) => async (world) => {
  const user = await world.connected();
  await world.fault(...rules(user));
  const run = await world.briefToEnd(user);
  if (run.error?.code !== code) throw new Error(`${run.error?.code} instead of ${code}`);
  return { user, id: run.id };
};

/** Settings for a world in which a briefing may be looked at while it runs, and while it waits behind another one. */
export const PATIENT = { BRIEFD_MAX_RUNS_PER_USER: "1", BRIEFD_MODEL_FIRST_BYTE_TIMEOUT: "300s",
  BRIEFD_MODEL_TOTAL_TIMEOUT: "300s", BRIEFD_STOP_GRACE: "1s" };

/** name: (world) → {user, id} of a briefing that is so. */
export const BRIEFINGS = {
  posted: async (world) => {
    const user = await world.connected();
    return { user, id: await ended(world, user) };
  },
  preview: async (world) => {
    const user = await world.connected();
    return { user, id: await ended(world, user, { mode: "preview" }) };
  },
  // Stays so for as long as the first byte may take: see PATIENT.
  running: async (world) => {
    const { user, mark, fields } = await marked(world);
    await world.fault({ endpoint: "anthropic.messages", match: { body_contains: mark }, count: -1,
      action: { type: "delay", ms: 600_000 } });
    const { id } = await world.accepted(user, fields);
    await world.until(id, ({ status }) => status === "running");
    return { user, id };
  },
  blocked: async (world) => {
    const user = await world.connect(world.user(), "sanity");
    const { id } = await world.accepted(user);
    await world.until(id, ({ status }) => status === "blocked");
    return { user, id };
  },
  "blocked on both": async (world) => {
    const user = world.user();
    const { id } = await world.accepted(user);
    await world.until(id, ({ status }) => status === "blocked");
    return { user, id };
  },
  cancelled: async (world) => {
    const { user, id } = await BRIEFINGS.blocked(world);
    await world.request("POST", `/briefings/${id}/cancel`);
    await world.untilEnd(id);
    return { user, id };
  },
  expired: async (world) => {
    const user = world.user();
    const { id } = await world.accepted(user, { start_by: new Date(Date.now() + 2000).toISOString() });
    await world.untilEnd(id);
    return { user, id };
  },
  "expired in the queue": async (world) => {
    const { user } = await BRIEFINGS.running(world);
    const { id } = await world.accepted(user, { mode: "preview", if_running: "enqueue",
      start_by: new Date(Date.now() + 2000).toISOString() });
    await world.untilEnd(id);
    return { user, id };
  },
  "not connected in time": async (world) => {
    const user = world.user();
    return { user, id: await ended(world, user, { if_blocked: "fail" }) };
  },
  "channel refused": failing((user) => [{ endpoint: "scalekit.execute_tool", count: -1,
    match: { tool: "slack_send_message", identifier: user },
    action: { type: "body", body: { data: { ok: false, error: "not_in_channel" }, execution_id: "1" } } }],
  "delivery_rejected"),
  "declined by Claude": (world) => endedWith(world, { script: "refusal" }),
  "nobody knows": async (world) => {
    const user = await world.connected();
    await world.loseDelivery(user);
    const run = await world.briefToEnd(user);
    if (!run.needs_attention) throw new Error(`needs no attention: ${JSON.stringify(run.error)}`);
    return { user, id: run.id };
  },
  "long message": (world) => endedWith(world, { script: "say", at_turn: 2,
    args: { blocks: sends(everyMark(`${LONG_TITLE}\n`.repeat(12))) } }, { mode: "preview" }),
};

/** n more briefings of the same user, which say the same as this one; written straight into the database. */
export function copyBriefing(world, id, n) {
  updateDatabase(world, `
row = db.execute("SELECT * FROM runs WHERE id = ?", [sys.argv[2]])
names = [column[0] for column in row.description]
values = dict(zip(names, row.fetchone()), delivery_sealed=None)
letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
copies = [sys.argv[2][:-2] + a + b for a in letters for b in letters]
for copy in [c for c in copies if c != sys.argv[2]][:int(sys.argv[3])]:
    values["id"] = copy
    db.execute("INSERT INTO runs VALUES (" + ",".join("?" * len(names)) + ")", list(values.values()))`, id, String(n));
}

/** Somebody with a ticket has agreed at the provider: the address that leads them back, not opened yet. */
export async function agreed(world, page, user = world.user()) {
  await redeem(world, page, user);
  await toConsent(page, "slack");
  const reader = await page.locator('input[name="reader"]').inputValue();
  const decided = await page.request.post(page.url(), { form: { reader, decision: "allow", choice: "0" }, maxRedirects: 0 });
  return { user, back: decided.headers().location };
}

async function redeem(world, page, user) {
  await page.goto(await ticketFor(world, user));
  await page.locator("form.redeem button").click();
  await page.locator("body.page-app").waitFor();
}

const verified = (action) => async (world, page, { back }) => {
  await world.fault({ endpoint: "scalekit.verify", action });
  await page.goto(back);
};

/** Each way in which connecting can end on a page of its own, by that page's code; `way` is what agreed() gave. */
export const ENDS = {
  access_denied: (world, page, { back }) => page.goto(back.replace(/auth_request_id=[^&]*/, "error=access_denied")),
  provider_failed: (world, page, { back }) => page.goto(back.replace(/auth_request_id=[^&]*/, "error=server_error")),
  invalid_request: (world, page, { back }) => page.goto(back.replace(/state=[^&]*/, "state=x")),
  other_browser: async (world, page, { back }) => {
    await page.context().clearCookies();
    await page.goto(back);
  },
  user_mismatch: async (world, page, { back }) => {
    await page.context().clearCookies();
    await redeem(world, page, world.user());
    await page.goto(back);
  },
  flow_used: async (world, page, { back }) => {
    await page.goto(back);
    await page.goto(back);
  },
  flow_expired: async (world, page, { user, back }) => {
    updateDatabase(world, 'db.execute("UPDATE oauth_flows SET expires_ms = 1 WHERE user_id = ?", [sys.argv[2]])', user);
    await page.goto(back);
  },
  wrong_person: verified({ type: "status", status: 403 }),
  request_gone: verified({ type: "status", status: 404 }),
  upstream_unclear: verified({ type: "status", status: 500 }),
  upstream_failed: verified({ type: "status", status: 429 }),
  not_active: verified({ type: "body", body: {}, effect: false }),
  // ScaleKit says yes, and then nothing that can be read of the account.
  connected_unseen: async (world, page, { user, back }) => {
    await world.fault({ endpoint: "scalekit.accounts.list", match: { identifier: user }, skip: 1, count: -1,
      action: { type: "status", status: 500 } });
    await page.goto(back);
  },
};
