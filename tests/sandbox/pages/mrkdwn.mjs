// Stored Slack text as HTML. Stored text has & < > escaped already, except in control sequences,
// so that what is left of "<" begins one.

import { EMOJI } from "../providers/slack_text.mjs";

const NAMES = new Map(Object.entries(EMOJI).map(([emoji, name]) => [name, emoji]));
const quoted = (text) => text.replace(/"/g, "&quot;").replace(/'/g, "&#39;");

export function renderText(stored) {
  const blocks = stored.split("```");
  return blocks.map((text, i) => (i % 2 === 1 && i < blocks.length - 1
    ? `<pre>${quoted(text.replace(/^\n/, ""))}</pre>` : lines(text))).join("");
}

function lines(text) {
  return text.split("\n").map((line) => {
    if (line.startsWith("&gt;")) {
      return `<blockquote>${inline(line.slice(4).trimStart())}</blockquote>`;
    }
    const item = /^(\s*)([•◦-])\s+(.*)$/.exec(line);
    if (item) {
      const [, indent, bullet, text] = item;
      return `<div class="item${indent ? " deep" : ""}">` +
        `<span>${bullet}</span><div>${inline(text)}</div></div>`;
    }
    return line.trim() ? `<div>${inline(line)}</div>` : '<div class="gap"></div>';
  }).join("");
}

function inline(line) {
  return line.split(/(<[^<>]*>|`[^`]+`)/).map((part, i) => {
    if (i % 2 === 0) return marks(part);
    const inner = part.slice(1, -1);
    return part[0] === "`" ? `<code>${quoted(inner)}</code>` : control(inner);
  }).join("");
}

function marks(text) {
  // A sign counts at the edge of a word alone: snake_case stays as it is.
  const left = "(^|[\\s(\\[{.,;:!?\"'*_~>-])";
  const right = "(?=$|[\\s)\\]}.,;:!?\"'*_~<-])";
  const around = (sign, tag, html) => html.replace(
    new RegExp(`${left}${sign}(\\S|\\S[^\\n]*?\\S)${sign}${right}`, "gu"),
    `$1<${tag}>$2</${tag}>`);
  let html = quoted(text);
  html = around("\\*", "strong", html);
  html = around("_", "em", html);
  html = around("~", "del", html);
  return html.replace(/:([a-z0-9_]+):/g, (all, name) => NAMES.get(name) ?? all);
}

function control(text) {
  const [target, label] = text.split("|");
  if (/^https?:\/\//.test(target)) {
    return `<a href="${quoted(target)}" rel="noreferrer">${quoted(label ?? target)}</a>`;
  }
  const name = target[0] === "!" ? `@${target.slice(1).replace(/^subteam\^/, "")}` : target;
  return `<b class="mention">${quoted(label ?? name)}</b>`;
}
