// The app page: suggests the browser's time zone, and follows what happens to accounts and briefings elsewhere.

import { read, remember, renew } from "/static/renew.js";

const PARTS = ["#connections", "#briefings"];
const UNSETTLED = "#briefings .briefing:not([data-terminal]), #connections .state-waiting";
const EVERY_MS = 5000;

function suggestZone(input) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = document.createElement("datalist");
  zones.id = `${input.id}-zones`;
  for (const name of Intl.supportedValuesOf?.("timeZone") ?? [zone]) zones.append(new Option(name, name));
  input.after(zones);
  input.setAttribute("list", zones.id);
  if (!zone || input.value || input.placeholder === zone) return;
  const use = document.createElement("button");
  use.type = "button";
  use.className = "button button-small use-zone";
  use.textContent = `Use ${zone}`;
  use.addEventListener("click", () => {
    input.value = zone;
    input.focus();
    use.remove();
  });
  zones.after(use);
}

async function look() {
  try {
    const fresh = await read(location.pathname + location.search);
    for (const part of PARTS) renew(fresh, part);
    document.querySelectorAll(".recipe[id]").forEach(({ id }) => renew(fresh, `#${CSS.escape(id)} .needs`));
  } catch {
    // The page stays as it was; pressing anything tells what is wrong.
  }
}

export function appPage() {
  remember(...PARTS);
  document.querySelectorAll(".recipe[id]").forEach(({ id }) => remember(`#${CSS.escape(id)} .needs`));
  document.querySelectorAll('input[name="timezone"]').forEach(suggestZone);
  document.querySelector(".connection[data-wanted]")?.scrollIntoView({ block: "center" });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) look();
  });
  setInterval(() => {
    if (!document.hidden && document.querySelector(UNSETTLED)) look();
  }, EVERY_MS);
}
