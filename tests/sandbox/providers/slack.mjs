// Slack's tools: every user has a workspace of their own with the same channel ids in it. Failures
// are {"ok": false, "error": …} inside a 200, as Slack's Web API gives them.

import { person, workspace } from "./people.mjs";
import { storedText } from "./slack_text.mjs";

const MOST_CHARACTERS = 4000;

const CHANNELS = [
  { id: "C0NEWSROOM1", name: "newsroom", is_member: true, is_archived: false },
  { id: "C0GENERAL01", name: "general", is_member: true, is_archived: false },
  { id: "C0ARCHIVED1", name: "old-desk", is_member: true, is_archived: true },
  { id: "C0PRIVATE01", name: "publishers", is_member: false, is_archived: false },
];

// People who are in every workspace.
export const EDITORS = { U0EDITOR01: "Maja Lund", U0EDITOR02: "Tomás Ruiz" };

// Beside what Slack stores, a message keeps when it was written, in microseconds, and who sent it
// through the API. Symbols do not show in JSON.
const AT = Symbol("at");
const SENT = Symbol("sent");

class SlackError extends Error {}

/** Who the connected account is in its workspace. */
export function identity(account) {
  const who = person(account.identifier, account.choice);
  return {
    who,
    team: workspace(who, account.choice),
    team_id: `T0${who.code(2, 9)}`,
    user: "briefing",
    user_id: `U0${who.code(12, 9)}`,
    bot_id: `B0${who.code(22, 9)}`,
    app_id: "A0BRIEFING1",
  };
}

export function createSlack({ log }) {
  let teams; // team id -> {channels: Map(channel id -> messages, oldest first), last}

  const reset = () => { teams = new Map(); };
  reset();

  function teamOf(me) {
    let team = teams.get(me.team_id);
    if (!team) {
      team = { me, channels: new Map(), last: 0 };
      teams.set(me.team_id, team);
      const then = Math.floor(Date.now() / 1000) - 4 * 86400;
      const said = ["Morning! Page 3 is free again.", "Thanks, taking it for the interview."];
      for (const [i, user] of Object.keys(EDITORS).entries()) {
        store(messages(team, "C0NEWSROOM1"), { type: "message", user, text: said[i],
          ts: `${then + 340 * i}.000100`, team: me.team_id });
      }
    }
    return team;
  }

  function messages(team, channel) {
    if (!team.channels.has(channel)) team.channels.set(channel, []);
    return team.channels.get(channel);
  }

  function channelOf(me, text) {
    const wanted = String(text ?? "");
    const found = CHANNELS.find(({ id, name }) => [id, name, `#${name}`].includes(wanted));
    if (found) return found;
    if (wanted === me.user_id || Object.hasOwn(EDITORS, wanted)) {
      return { id: `D0${wanted.slice(2)}`, name: "", is_member: true, is_archived: false };
    }
    throw new SlackError("channel_not_found");
  }

  /** A timestamp that is new and later than every other of the workspace. */
  function timestamp(team) {
    team.last = Math.max(team.last + 1, Date.now() * 1000);
    const digits = String(team.last);
    return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
  }

  const tools = {
    slack_auth_test(me) {
      return { ok: true, url: `https://daily-${me.who.tag}.slack.com/`, team: me.team,
        user: me.user, team_id: me.team_id, user_id: me.user_id, bot_id: me.bot_id,
        is_enterprise_install: false };
    },

    slack_send_message(me, params, account) {
      const channel = channelOf(me, params.channel);
      if (channel.is_archived) throw new SlackError("is_archived");
      if (!channel.is_member) throw new SlackError("not_in_channel");
      const { text = "" } = params;
      if (typeof text !== "string") throw new SlackError("invalid_arguments");
      if (!text && !params.blocks && !params.attachments) throw new SlackError("no_text");
      if ([...text].length > MOST_CHARACTERS) throw new SlackError("msg_too_long");
      const team = teamOf(me);
      const message = { type: "message", user: me.user_id, bot_id: me.bot_id, app_id: me.app_id,
        text: storedText(text), ts: timestamp(team), team: me.team_id };
      if (params.thread_ts) message.thread_ts = params.thread_ts;
      message[SENT] = { identifier: account.identifier, text: params.text };
      store(messages(team, channel.id), message);
      log.count("slack_posts");
      return { ok: true, channel: channel.id, ts: message.ts, message };
    },

    slack_fetch_conversation_history(me, params, account, variants) {
      const channel = channelOf(me, params.channel);
      if (!channel.is_member) throw new SlackError("not_in_channel");
      const limit = params.limit ?? 100;
      if (!(Number.isInteger(limit) && limit >= 1 && limit <= 1000)) {
        throw new SlackError("invalid_limit");
      }
      const oldest = time(params.oldest, "0", "invalid_ts_oldest");
      let latest = time(params.latest, "99999999999", "invalid_ts_latest");
      if (params.cursor) {
        const cursor = Buffer.from(String(params.cursor), "base64").toString();
        const at = /^next_ts:(\d+\.\d+)$/.exec(cursor);
        if (!at) throw new SlackError("invalid_cursor");
        latest = Math.min(latest, micros(at[1]));
      }
      const size = Math.min(limit, variants.slack_history_page);
      const found = newest(messages(teamOf(me), channel.id), oldest, latest, size + 1);
      const page = found.slice(0, size);
      const more = found.length > size;
      return { ok: true, messages: page, has_more: more, pin_count: 0,
        ...(more && { response_metadata: {
          next_cursor: Buffer.from(`next_ts:${page.at(-1).ts}`).toString("base64") } }) };
    },

    slack_list_channels(me) {
      return { ok: true, channels: CHANNELS.map((channel) => ({ ...channel, is_channel: true,
        context_team_id: me.team_id })), response_metadata: { next_cursor: "" } };
    },

    slack_get_conversation_info: (me, params) =>
      ({ ok: true, channel: channelOf(me, params.channel) }),
  };

  return {
    knows: (tool) => Object.hasOwn(tools, tool),

    run(tool, params, { account, variants }) {
      try {
        return tools[tool](identity(account), params, account, variants);
      } catch (error) {
        if (!(error instanceof SlackError)) throw error;
        return { ok: false, error: error.message };
      }
    },

    writes: (tool, data) => tool === "slack_send_message" && data.ok,

    /** Stored messages of all workspaces, oldest first, with who sent them through the API. */
    list({ channel, identifier, all = false } = {}) {
      const found = [];
      for (const { me, channels } of teams.values()) {
        for (const [id, stored] of channels) {
          if (channel !== undefined && channel !== id) continue;
          for (const message of stored) {
            const sent = message[SENT];
            if (!all && !sent) continue;
            if (identifier !== undefined && sent?.identifier !== identifier) continue;
            found.push({ identifier: sent?.identifier ?? null, channel: id,
              workspace: me.team, sent_text: sent?.text ?? null, ...message });
          }
        }
      }
      return found.sort((a, b) => a[AT] - b[AT]);
    },

    /** Someone else writes into a workspace: a message that no tool sent. */
    insert(account, { channel, text, user = "U0EDITOR01", bot_id: bot, ts }) {
      const me = identity(account);
      const team = teamOf(me);
      const message = { type: "message", user, ...(bot && { bot_id: bot }), text: storedText(text),
        ts: ts ?? timestamp(team), team: me.team_id };
      store(messages(team, channelOf(me, channel).id), message);
      return message;
    },

    channel: (id) => CHANNELS.find((channel) => channel.id === id),
    reset,
  };
}

/** Adds a message to a channel, which stays in order of time. */
function store(stored, message) {
  message[AT] = micros(message.ts);
  let at = stored.length;
  while (at > 0 && stored[at - 1][AT] > message[AT]) at--;
  stored.splice(at, 0, message);
}

/** At most `most` messages between two times (both excluded), newest first, without replies. */
function newest(stored, oldest, latest, most) {
  const found = [];
  for (let i = stored.length - 1; i >= 0 && stored[i][AT] > oldest && found.length < most; i--) {
    const { ts, thread_ts: thread } = stored[i];
    if (stored[i][AT] < latest && (thread === undefined || thread === ts)) found.push(stored[i]);
  }
  return found;
}

function time(given, usual, problem) {
  const text = String(given ?? usual);
  if (!/^\d{1,11}(\.\d{1,6})?$/.test(text)) throw new SlackError(problem);
  return micros(text);
}

/** A Slack timestamp as a number of microseconds. */
function micros(ts) {
  const [seconds, fraction = ""] = ts.split(".");
  return Number(seconds) * 1e6 + Number(fraction.padEnd(6, "0"));
}
