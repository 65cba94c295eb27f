// The default script: the editorial briefing. Find the project, query in parallel, send, end.

import { call, callsOf, text, toolNamed } from "../view.mjs";
import { readingOf } from "../results.mjs";
import { dayNumber } from "./dates.mjs";
import { promptOf } from "./editorial_prompt.mjs";
import { briefingText, releaseTime } from "./editorial_text.mjs";
import { deliver } from "./deliver.mjs";

const RELEASES = 25;
const LABELS = { drafts: "drafts", published: "published documents", stale: "stale drafts",
  releases: "scheduled releases" };

export function suits(view) {
  return toolNamed(view, "query_documents") !== null;
}

export function reply(view) {
  const prompt = promptOf(view);
  const projects = readProjects(view);
  if (projects.step) return projects.step;
  const project = findProject(projects.rows, prompt.project);
  if (!project) {
    return { blocks: [text(`There is no Sanity project named "${prompt.project}" among the ` +
      `${projects.rows.length} projects of this account, so there is nothing to report.`)] };
  }
  const reads = plannedReads(view, prompt, project);
  const open = reads.filter(({ tries }) => tries.length === 0);
  if (open.length > 0) {
    return reading(`I found ${project.name}. Now I query documents and releases in parallel.`, open);
  }
  const failed = reads.filter(({ done }) => failureOf(done) !== null);
  const again = failed.filter(({ tries }) => tries.length === 1);
  if (again.length > 0) return reading("Not everything could be read; I try once more.", again);
  if (failed.length > 0 && prompt.allOrNothing) {
    return { blocks: [text("No briefing was sent, because something could not be read: " +
      failed.map(({ name, done }) => `${LABELS[name]} (${failureOf(done)})`).join("; "))] };
  }
  return deliver(view, (level) => briefingText(gather(reads, prompt), level));
}

function reading(words, reads) {
  return { blocks: [text(words), ...reads.map(({ tool, input }) => call(tool, input))] };
}

function readProjects(view) {
  const tool = toolNamed(view, "list_projects");
  if (!tool) return { step: { blocks: [text("The tool that lists projects is missing.")] } };
  const done = callsOf(view, tool);
  const good = done.findLast((c) => failureOf(c) === null);
  if (good) return { rows: readingOf(good.result).rows };
  if (done.length === 0) {
    return { step: { blocks: [text("I look for the project first."), call(tool, {})] } };
  }
  if (done.length === 1) {
    return { step: { blocks: [text("Listing the projects failed; I try once more."),
      call(tool, {})] } };
  }
  return { step: { blocks: [text("The projects cannot be listed, so there is no briefing today: " +
    failureOf(done.at(-1)))] } };
}

/** Why a finished call is of no use, or null. */
const failureOf = ({ result }) => readingOf(result).error;

function findProject(rows, wanted) {
  const key = (value) => String(value ?? "").trim().toLowerCase();
  const found = rows.find((row) => [row.displayName, row.name, row.title, row.id, row.projectId]
    .some((value) => value !== undefined && key(value) === key(wanted)));
  if (!found) return null;
  return { id: String(found.id ?? found.projectId ?? found._id),
    name: found.displayName ?? found.name ?? found.title ?? wanted };
}

/** The reads of the briefing, each with the calls that asked its question before. */
function plannedReads(view, prompt, project) {
  const resource = { projectId: project.id, dataset: prompt.dataset };
  const query = toolNamed(view, "query_documents");
  const releases = toolNamed(view, "list_releases");
  const reads = Object.entries(prompt.queries).map(([name, q]) => ({
    name,
    page: q.page,
    tool: query,
    input: { resource, query: q.query, ...(q.params && { params: q.params }),
      perspective: q.perspective, ...(q.limit && { limit: q.limit }) },
  }));
  if (releases) {
    reads.push({ name: "releases", page: RELEASES, tool: releases,
      input: { resource, state: "active", limit: RELEASES } });
  }
  for (const read of reads) {
    read.tries = callsOf(view, read.tool).filter(({ input }) => input.query === read.input.query);
    read.done = read.tries.at(-1);
  }
  return reads;
}

function gather(reads, prompt) {
  const facts = { today: prompt.today, now: prompt.now, zone: prompt.zone, missing: [], drafts: null,
    published: null, stale: null, releases: null };
  for (const { name, page, done } of reads) {
    if (failureOf(done) !== null) facts.missing.push(LABELS[name]);
    else facts[name] = { rows: readingOf(done.result).rows, page };
  }
  if (facts.releases) facts.releases = upcoming(facts.releases, prompt);
  return facts;
}

/** Releases with a date that is still to come, soonest first. */
function upcoming({ rows, page }, { now, today, zone }) {
  const isAhead = (when) => (now === null ? dayNumber(when, zone) >= today : Date.parse(when) > now);
  const ahead = rows.filter((row) => releaseTime(row) !== null && isAhead(releaseTime(row)))
    .sort((a, b) => Date.parse(releaseTime(a)) - Date.parse(releaseTime(b)));
  return { rows: ahead, page: rows.length >= page ? ahead.length : Infinity };
}

