// The editorial briefing as Slack mrkdwn.

import { dayNumber, longDate, relative, shortlyAgo } from "./dates.mjs";

const LIMIT = 3_900;
const LONGEST = 80;
const LINES_BY_LEVEL = [25, 8, 3, 1];

/**
 * The text for {today, zone, drafts, published, stale, releases, missing}. Each section is {rows,
 * page} or null; `missing` are the sections whose data could not be read. A higher `level` makes it
 * shorter.
 */
export function briefingText(facts, level = 0) {
  for (let l = Math.min(level, LINES_BY_LEVEL.length - 1); ; l++) {
    const text = compose(facts, LINES_BY_LEVEL[l]);
    if (text.length <= LIMIT || l + 1 === LINES_BY_LEVEL.length) return text;
  }
}

function compose(facts, lines) {
  const { today, now, zone, drafts, published, stale, releases, missing } = facts;
  const day = (instant) => dayNumber(instant, zone);
  const ago = (instant) => {
    if (day(instant) === null) return "at an unknown time";
    return (now !== null && shortlyAgo(instant, now)) || relative(day(instant), today);
  };
  const parts = [
    `*Editorial Briefing* – ${longDate(today)}`,
    section("Drafts Awaiting Review", drafts, lines,
      (row) => `${word(row._type)}: ${title(row)} – edited ${ago(row._updatedAt)}`),
    section("Published This Week", published, lines,
      (row) => `${title(row)} – published ${ago(row._updatedAt)}`),
    section("Scheduled Releases", releases, lines,
      (row) => `${releaseName(row)} – ${scheduled(row, day)}`),
    section("Stale Drafts", stale, lines, (row) => `${word(row._type)}: ${title(row)} – ` +
      `${Math.max(0, today - (day(row._updatedAt) ?? today))} days since the last change`),
    missing.length > 0 ? `Could not be read today: ${missing.join(", ")}.` : null,
    drafts ? total(drafts) : null,
  ];
  return parts.filter(Boolean).join("\n\n");
}

function section(heading, found, lines, line) {
  if (!found || found.rows.length === 0) return null;
  const shown = found.rows.slice(0, lines).map((row) => `• ${line(row)}`);
  const more = found.rows.length - shown.length;
  if (more > 0) shown.push(`• and ${more} more`);
  return [`*${heading} (${count(found)})*`, ...shown].join("\n");
}

function total(drafts) {
  if (drafts.rows.length === 0) return "There are no drafts.";
  return `${count(drafts)} ${drafts.rows.length === 1 ? "draft" : "drafts"} in total.`;
}

/** A full page may hide more. */
function count({ rows, page }) {
  return rows.length >= page ? `${page}+` : String(rows.length);
}

function title(row) {
  const name = row.title ?? row.name;
  return name ? word(name) : `Untitled (${word(row.slug?.current ?? row.slug ?? row._id ?? "?")})`;
}

export function releaseName(row) {
  return word(row.metadata?.title ?? row.title ?? row.name ?? row._id ?? "release");
}

export function releaseTime(row) {
  return row.publishAt ?? row.metadata?.intendedPublishAt ?? row.intendedPublishAt ?? null;
}

function scheduled(row, day) {
  const date = day(releaseTime(row));
  return date === null ? "no date yet" : longDate(date);
}

/** A word or title of somebody's data, harmless inside mrkdwn. */
export function word(value) {
  const line = String(value).replace(/[\s\u0000-\u001f]+/g, " ").trim();
  const short = line.length <= LONGEST ? line :
    `${line.slice(0, LONGEST - 1).replace(/[\ud800-\udbff]$/, "")}…`;
  return short.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
