// Slack's mrkdwn as Slack shows it, built from nodes: no markup of the message ever becomes markup of the page.

const PLAIN = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const plain = (text) => text.replace(/&(?:lt|gt|amp);/g, (escaped) => PLAIN[escaped]);

const EMOJI = { memo: "📝", pencil: "📝", pencil2: "✏️", newspaper: "📰", date: "📅", calendar: "📆", spiral_calendar_pad: "🗓️",
  clock3: "🕒", alarm_clock: "⏰", hourglass: "⌛", hourglass_flowing_sand: "⏳", warning: "⚠️", rotating_light: "🚨",
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", rocket: "🚀", tada: "🎉", eyes: "👀", fire: "🔥", bulb: "💡",
  zzz: "💤", package: "📦", pushpin: "📌", round_pushpin: "📍", link: "🔗", mag: "🔍", bar_chart: "📊", clipboard: "📋",
  file_folder: "📁", page_facing_up: "📄", books: "📚", sparkles: "✨", star: "⭐", wave: "👋", coffee: "☕", sunrise: "🌅",
  red_circle: "🔴", large_yellow_circle: "🟡", large_green_circle: "🟢", arrow_right: "➡️", speech_balloon: "💬",
  bell: "🔔", seedling: "🌱", broom: "🧹", information_source: "ℹ️", "+1": "👍", thumbsup: "👍" };

// A sign counts at the edge of a word alone: snake_case and 2*3*4 stay as they are.
const marked = (sign) => `(?<![\\p{L}\\p{N}${sign}\\\\])${sign}(?=\\S)([^\\n]*?\\S)${sign}(?![\\p{L}\\p{N}${sign}])`;
const PIECES = new RegExp(["<([^<>\\n]+)>", "`([^`\\n]+)`", marked("\\*"), marked("_"), marked("~"), ":([a-z0-9_+-]+):"].join("|"), "gu");

function element(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

/** What stands between < and >: a link, or somebody who is mentioned. */
function control(inner) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? target : inner.slice(bar + 1);
  if (/^(?:https?:\/\/|mailto:)/.test(target)) {
    const link = element("a", plain(label));
    link.href = plain(target);
    link.rel = "noopener noreferrer nofollow";
    return link;
  }
  if (!/^[@#!]/.test(target)) return `<${plain(inner)}>`;
  const made = element("span", plain(bar < 0 && target[0] === "!" ? `@${target.slice(1)}` : label));
  made.className = "mention";
  return made;
}

function piece([whole, inside, code, bold, italic, struck, emoji]) {
  if (inside !== undefined) return control(inside);
  if (code !== undefined) return element("code", plain(code));
  if (bold !== undefined) return element("strong", ...inline(bold));
  if (italic !== undefined) return element("em", ...inline(italic));
  if (struck !== undefined) return element("s", ...inline(struck));
  return Object.hasOwn(EMOJI, emoji) ? EMOJI[emoji] : whole;
}

function inline(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(PIECES)) {
    nodes.push(plain(text.slice(at, match.index)), piece(match));
    at = match.index + match[0].length;
  }
  nodes.push(plain(text.slice(at)));
  return nodes;
}

function line(text) {
  const quote = /^(?:&gt;|>) ?(.*)$/.exec(text);
  if (quote) return element("blockquote", ...inline(quote[1]));
  const item = /^(\s*)([•◦▪-]) +(.*)$/.exec(text);
  if (item) {
    const made = element("div", element("span", item[2]), " ", element("div", ...inline(item[3])));
    made.className = item[1] ? "item deep" : "item";
    return made;
  }
  const made = element("div", ...inline(text));
  if (!text.trim()) made.className = "gap";
  return made;
}

export function showMrkdwn(place, text) {
  const parts = text.split("```");
  const last = parts.length - 1;
  const nodes = parts.flatMap((part, i) => {
    if (i % 2 === 1 && i < last) return [element("pre", plain(part.replace(/^\n|\n$/g, "")))];
    // The line breaks around a block of code are the block's own.
    return part.replace(i > 0 ? /^\n/ : "", "").replace(i < last ? /\n$/ : "", "").split("\n").map(line);
  });
  place.replaceChildren(...nodes);
}
