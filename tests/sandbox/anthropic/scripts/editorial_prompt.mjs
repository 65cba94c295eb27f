// What the editorial script understands of its prompt: today, the project, the queries.

import { fact, squeeze } from "../view.mjs";
import { dayInText, dayNumber, instantInText, isoDay } from "./dates.mjs";

const SECTIONS = [["stale", /stale|untouched|not changed|forgotten/i], ["drafts", /draft/i],
  ["published", /publish/i]];
const PERSPECTIVE = { drafts: "raw", stale: "raw", published: "published" };

export function promptOf(view) {
  const zone = fact(view, "timezone", "zone") ?? "UTC";
  const today = dayInText(fact(view, "today", "date")) ?? dayNumber(Date.now(), zone);
  return {
    zone,
    today,
    now: instantInText(fact(view, "now"), zone),
    allOrNothing: /do not send anything/i.test(view.system),
    project: fact(view, "sanityproject", "projectname", "project"),
    dataset: fact(view, "sanitydataset", "dataset") ?? "production",
    queries: queriesOf(view, today),
  };
}

/** {drafts: {query, params, perspective, page}, …} from the fenced blocks of the system prompt. */
function queriesOf(view, today) {
  const queries = {};
  const source = `${view.system}\n${view.firstText}`;
  const fences = /```[ \t]*(groq)?[^\n`]*\n([^]*?)```/gi;
  let from = 0;
  for (let found = fences.exec(source); found; found = fences.exec(source)) {
    const before = source.slice(from, found.index);
    from = fences.lastIndex;
    const query = found[2].trim();
    if (!found[1] && !query.startsWith("*[")) continue;
    const name = nameOf(before);
    if (!name || queries[name]) continue;
    const after = source.slice(from, from + 200).split("```")[0];
    queries[name] = {
      query,
      params: paramsOf(query, view, today),
      perspective: perspectiveIn(before, after) ?? PERSPECTIVE[name],
      limit: limitIn(before),
      page: Math.min(pageOf(query), limitIn(before) ?? Infinity),
    };
  }
  return queries;
}

/** The section that a label line before a fence speaks of. */
function nameOf(before) {
  const lines = before.split("\n").map((line) => line.trim()).filter(Boolean);
  for (const line of lines.slice(-4).reverse()) {
    const quoted = /`(drafts|published|stale)`/i.exec(line);
    if (quoted) return quoted[1].toLowerCase();
    const named = SECTIONS.find(([, words]) => words.test(line));
    if (named) return named[0];
  }
  return null;
}

function perspectiveIn(before, after) {
  const label = before.trim().split("\n").slice(-3).join("\n");
  const found = /perspective\W{0,6}(raw|published|previewDrafts|drafts)/i;
  return (found.exec(label) ?? found.exec(after.split(/\bquery\b/i)[0]))?.[1];
}

/** The tool's own limit, if the label of a query names one. */
function limitIn(before) {
  const found = /\blimit\W{1,4}(\d+)/i.exec(before.trim().split("\n").slice(-3).join("\n"));
  return found ? Number(found[1]) : undefined;
}

/** Values for the $names of a query: lines of the first message, else the usual cut-offs. */
function paramsOf(query, view, today) {
  const params = {};
  for (const [, name] of query.matchAll(/\$([A-Za-z_]\w*)/g)) {
    const key = squeeze(name);
    params[name] = fact(view, key) ?? usual(key, today);
  }
  return Object.keys(params).length > 0 ? params : undefined;
}

function usual(key, today) {
  return `${isoDay(today - (key.includes("stale") ? 14 : 7))}T00:00:00Z`;
}

/** How many rows a query asks for at most: the end of its slice. */
function pageOf(query) {
  const slice = /\[\s*0\s*(\.\.\.?)\s*(\d+)\s*\]/.exec(query);
  if (!slice) return Infinity;
  return Number(slice[2]) + (slice[1] === ".." ? 1 : 0);
}
