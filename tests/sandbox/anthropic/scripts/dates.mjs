// Days and how people speak of them, as seen from the briefing's own "today".

const DAY_MS = 86_400_000;
const formatters = new Map();

/** The local day of an instant, as days since 1970; null if it is no date. */
export function dayNumber(instant, zone) {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return null;
  // By parts: how a locale orders and joins them differs between versions of node.
  const parts = {};
  for (const { type, value } of formatter(zone).formatToParts(date)) parts[type] = Number(value);
  return Date.UTC(parts.year, parts.month - 1, parts.day) / DAY_MS;
}

function formatter(zone) {
  if (!formatters.has(zone)) {
    formatters.set(zone, make(zone) ?? make("UTC"));
  }
  return formatters.get(zone);
}

function make(zone) {
  try {
    return new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit",
      day: "2-digit" });
  } catch {
    return null;
  }
}

/** The day named in a line such as "2026-11-23" or "Monday, 23 November 2026"; null if none is. */
export function dayInText(text) {
  const iso = /\d{4}-\d\d-\d\d/.exec(text ?? "");
  if (iso) return Date.parse(`${iso[0]}T00:00:00Z`) / DAY_MS;
  const parsed = Date.parse(`${(text ?? "").replace(/^\s*[A-Za-z]+day,?\s*/, "")} UTC`);
  return Number.isNaN(parsed) ? null : Math.floor(parsed / DAY_MS);
}

const LONG = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "long", day: "numeric",
  month: "long", year: "numeric" });

/** "Monday, 23 November 2026". */
export function longDate(day) {
  return LONG.format(new Date(day * DAY_MS)).replace(/^(\w+) /, "$1, ");
}

/** The instant of "2026-11-23T07:31:00Z" or, in the zone, "2026-11-23 08:31"; null if it is none. */
export function instantInText(text, zone) {
  const found = /(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?/.exec(text ?? "");
  if (!found) return null;
  const [, date, time, offset] = found;
  if (offset) return Date.parse(`${date}T${time}${offset}`);
  const utc = Date.parse(`${date}T${time}Z`);
  return utc - (localTime(utc, zone) - utc);
}

/** The zone's wall clock at an instant, read as if it were UTC. */
function localTime(instant, zone) {
  const clock = new Date(instant).toLocaleString("sv-SE", { timeZone: known(zone) });
  return Date.parse(`${clock.replace(" ", "T")}Z`);
}

function known(zone) {
  return make(zone) ? zone : "UTC";
}

/** "just now", "40 minutes ago", "3 hours ago"; null when a day or more lies between. */
export function shortlyAgo(instant, now) {
  const minutes = Math.floor((now - new Date(instant).getTime()) / 60_000);
  if (!(minutes < 24 * 60)) return null;
  if (minutes < 1) return "just now";
  if (minutes < 60) return minutes === 1 ? "1 minute ago" : `${minutes} minutes ago`;
  const hours = Math.floor(minutes / 60);
  return hours === 1 ? "1 hour ago" : `${hours} hours ago`;
}

/** "today", "yesterday", "5 days ago", "in 3 days". */
export function relative(day, today) {
  const ago = today - day;
  if (ago === 0) return "today";
  if (ago === 1) return "yesterday";
  if (ago === -1) return "tomorrow";
  return ago > 0 ? `${ago} days ago` : `in ${-ago} days`;
}

export const isoDay = (day) => new Date(day * DAY_MS).toISOString().slice(0, 10);
