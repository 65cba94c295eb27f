// A second recipe's script: the open issues of one repository, sent as a digest.

import { call, callsOf, fact, text, toolNamed } from "../view.mjs";
import { readingOf } from "../results.mjs";
import { deliver } from "./deliver.mjs";
import { word } from "./editorial_text.mjs";

const LINES_BY_LEVEL = [20, 8, 3, 1];

export function suits(view) {
  return toolNamed(view, "issues_list") !== null;
}

export function reply(view) {
  const [owner, repo] = (fact(view, "repository", "repo") ?? "").split("/");
  if (!owner || !repo) return { blocks: [text("No repository was named, so I cannot look.")] };
  const tool = toolNamed(view, "issues_list");
  const done = callsOf(view, tool).findLast(({ input }) => input.repo === repo);
  if (!done) {
    return { blocks: [text("I list the open issues."), call(tool, { owner, repo, state: "open" })] };
  }
  const { rows: found, error } = readingOf(done.result);
  const rows = error === null ? found : null;
  return deliver(view, (level) => digest(`${owner}/${repo}`, rows, level));
}

function digest(name, rows, level) {
  const heading = `*Open Issues* ${word(name)}`;
  if (!rows) return `${heading}\n\nThe issues could not be read today.`;
  const shown = rows.slice(0, LINES_BY_LEVEL[Math.min(level, LINES_BY_LEVEL.length - 1)]);
  const lines = shown.map((row) => `• #${row.number} ${word(row.title)}`);
  return [heading, "", ...lines, "", `Issues in total: ${rows.length}`].join("\n");
}
