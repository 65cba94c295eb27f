// What Slack does to the text of a message before it stores it.

export const EMOJI = { "📝": "memo", "🚀": "rocket", "✅": "white_check_mark", "⚠️": "warning",
  "📅": "date", "🗓️": "spiral_calendar_pad", "📰": "newspaper", "🎉": "tada", "👀": "eyes", "🔥": "fire",
  "⏰": "alarm_clock", "📦": "package", "💤": "zzz", "✏️": "pencil2", "📌": "pushpin" };

const EMOJI_PATTERN = new RegExp(Object.keys(EMOJI).join("|"), "gu");

// Links, mentions and commands are control sequences and stay; any other "<" or ">" is escaped.
const CONTROL = new RegExp("<(?:" + [
  "(?:https?://|mailto:|tel:)[^<>\\n]+",
  "[@#][A-Z0-9]+(?:\\|[^<>\\n]*)?",
  "!(?:here|channel|everyone|subteam\\^[A-Z0-9]+|date\\^[^<>\\n]+)(?:\\|[^<>\\n]*)?",
].join("|") + ")>", "g");

/** Escapes, links bare addresses, and names emoji. */
export function storedText(text) {
  let stored = "";
  let at = 0;
  for (const match of text.matchAll(CONTROL)) {
    stored += plain(text.slice(at, match.index)) + ampersands(match[0]);
    at = match.index + match[0].length;
  }
  return (stored + plain(text.slice(at))).replace(/\s+$/, "");
}

function plain(text) {
  return ampersands(text)
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/\bhttps?:\/\/[^\s<>|]*[^\s<>|.,;:!?)*_~`'"]/g, (url) => `<${url}>`)
    .replace(EMOJI_PATTERN, (emoji) => `:${EMOJI[emoji]}:`);
}

const ampersands = (text) => text.replace(/&(?!(?:amp|lt|gt);)/g, "&amp;");
