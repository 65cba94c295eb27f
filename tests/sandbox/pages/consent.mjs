// The page behind an authorization link: what would be connected, and a decision.

import { choices } from "../providers/people.mjs";
import { escape, layout } from "./layout.mjs";

const PROVIDERS = {
  SLACK: { label: "Slack", kind: "workspace", colour: "#611f69",
    may: ["See who you are and your workspace", "Read messages in channels it is in",
      "Post messages"] },
  SANITYMCP: { label: "Sanity", kind: "account", colour: "#c92f1e",
    may: ["See your projects and datasets", "Read documents, drafts and releases",
      "Change content"] },
  GITHUB: { label: "GitHub", kind: "account", colour: "#24292f",
    may: ["See who you are", "Read your repositories and issues"] },
};

const STYLE = `
.mark { width: 3.25rem; height: 3.25rem; border-radius: 12px; display: grid; place-items: center;
  color: #fff; font-weight: 700; font-size: 1.5rem; margin-bottom: 1.25rem; }
fieldset { border: 0; margin: 1.25rem 0; padding: 0; }
legend { padding: 0; margin-bottom: .5rem; font-weight: 600; }
label { display: flex; gap: .75rem; align-items: center; padding: .75rem .9rem;
  margin-bottom: .5rem;
  border: 1px solid var(--line); border-radius: 10px; cursor: pointer; overflow-wrap: anywhere; }
label:has(:checked) { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
input { accent-color: var(--accent); flex: none; width: 1.1rem; height: 1.1rem; margin: 0; }
label small { display: block; }
ul { margin: .5rem 0 1.5rem; padding-left: 1.2rem; }
.row { display: flex; gap: .75rem; }
button { flex: 1; min-height: 2.9rem; font: inherit; font-weight: 600; border-radius: 10px;
  cursor: pointer;
  border: 1px solid var(--line); background: transparent; color: var(--text); }
button.go { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
`;

export function consentPage(flow) {
  const { provider, identifier } = flow.account;
  const { label, kind, colour, may } = PROVIDERS[provider] ??
    { label: provider, kind: "account", colour: "#555", may: ["Use this account"] };
  const options = choices(provider, identifier).map(({ choice, title, detail }) => `
<label><input type="radio" name="choice" value="${choice}"${choice === 0 ? " checked" : ""}>
<span>${escape(title)}<small>${escape(detail)}</small></span></label>`).join("");
  return layout({
    title: `Connect ${label}`,
    style: STYLE,
    body: `<div class="mark" style="background:${colour}" aria-hidden="true">${label[0]}</div>
<h1>Briefings would like to connect to your ${escape(label)} ${kind}</h1>
<p class="soft">For <strong>${escape(identifier)}</strong></p>
<form method="post" action="/magicLink/${flow.token}">
<input type="hidden" name="reader" value="${flow.reader}">
<fieldset><legend>Which ${kind}?</legend>${options}</fieldset>
<p><strong>It may then</strong></p>
<ul>${may.map((line) => `<li>${escape(line)}</li>`).join("")}</ul>
<div class="row"><button name="decision" value="deny">Deny</button>
<button class="go" name="decision" value="allow">Allow</button></div>
</form>`,
  });
}

const NOTES = {
  unknown: [404, "This link does not exist", "Ask the application for a new one."],
  expired: [410, "This link has expired", "Ask the application for a new one."],
  used: [410, "This link has already been used",
    "A link works once. Ask the application for a new one."],
  bad_decision: [400, "That was not a decision", "Go back and choose Allow or Deny."],
  denied: [200, "Not connected", "You said no. You can close this window."],
  connected: [200, "Connected", "The account is ready. You can close this window."],
  failed_to_exchange: [400, "failed_to_exchange",
    "The application gave no user_verify_url, so nobody could be asked who you are."],
  signed_in_elsewhere: [403, "This page was opened in another browser",
    "Start again from the application."],
};

/** A page with one message: {status, html}. */
export function notePage(name) {
  const [status, title, text] = NOTES[name];
  const body = `<h1>${escape(title)}</h1><p class="soft">${escape(text)}</p>`;
  return { status, html: layout({ title, body }) };
}
