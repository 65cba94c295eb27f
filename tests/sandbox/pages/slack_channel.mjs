// GET /slack/{channel}: the messages of a channel as Slack would show them.

import { EDITORS } from "../providers/slack.mjs";
import { escape, layout } from "./layout.mjs";
import { renderText } from "./mrkdwn.mjs";

const STYLE = `
.head { padding: .9rem 1.25rem; border-bottom: 1px solid var(--line); }
.head h1 { margin: 0; font-size: 1.1rem; }
.head p { margin: 0; font-size: .85rem; }
.message { display: grid; grid-template-columns: 2.5rem 1fr; gap: .75rem; padding: .9rem 1.25rem; }
.message + .message { border-top: 1px solid var(--line); }
.face { width: 2.5rem; height: 2.5rem; border-radius: 8px; display: grid; place-items: center;
  background: var(--accent); color: var(--on-accent); font-weight: 700; }
.by { display: flex; flex-wrap: wrap; gap: 0 .5rem; align-items: baseline; }
.app { font-size: .68rem; font-weight: 600; background: var(--code); color: var(--soft);
  padding: 0 .3rem; border-radius: 3px; }
time, .team { font-size: .8rem; color: var(--soft); }
.text { overflow-wrap: anywhere; min-width: 0; }
.gap { height: .55rem; }
.item { display: grid; grid-template-columns: 1.25rem 1fr; } .item.deep { margin-left: 1.25rem; }
pre, code { background: var(--code); border-radius: 4px; font: .85em ui-monospace, monospace; }
code { padding: .1em .3em; } pre { padding: .5rem; margin: .25rem 0; white-space: pre-wrap; }
blockquote { margin: 0; padding-left: .75rem; border-left: 4px solid var(--line); }
.mention { background: #f2c74455; border-radius: 3px; padding: 0 .15em; }
.empty { padding: 3rem 1.25rem; text-align: center; margin: 0; }
`;

export function slackChannelPage(channel, messages) {
  const shown = messages.map((message) => {
    const date = new Date(Number(message.ts) * 1000);
    const name = message.bot_id ? "Briefing" : EDITORS[message.user] ?? message.user;
    const badge = message.bot_id ? '<span class="app">APP</span>' : "";
    const time = date.toISOString();
    return `<article class="message" id="p${escape(message.ts.replace(".", ""))}">
<div class="face" aria-hidden="true">${escape(name[0])}</div>
<div class="text"><div class="by"><strong>${escape(name)}</strong>${badge}
<time datetime="${time}">${time.slice(0, 16).replace("T", " ")} UTC</time>
<span class="team">${escape(message.workspace)}</span></div>
${renderText(message.text)}</div></article>`;
  }).join("\n");
  const count = `${messages.length} message${messages.length === 1 ? "" : "s"}`;
  return layout({
    title: `#${channel.name}`,
    wide: true,
    style: STYLE,
    body: `<div class="head"><h1># ${escape(channel.name)}</h1>
<p class="soft">${channel.id} · ${count}</p></div>
${shown || '<p class="empty soft">No message yet.</p>'}`,
  });
}
