// The page of one briefing: follows it while it is made, and shows the message as Slack shows it.

import { ask } from "/static/service.js";
import { showMrkdwn } from "/static/mrkdwn.js";
import { read, remember, renew } from "/static/renew.js";
import { localTimes } from "/static/times.js";

const PARTS = [".run-head", ".now", ".run-facts"];
const PAUSE_MS = 3000;

const article = () => document.querySelector(".run[data-briefing]");
const lastShown = () => document.querySelector(".timeline li:last-child")?.dataset.n ?? "0";

function showMessage() {
  for (const raw of document.querySelectorAll("pre.message")) {
    const shown = document.createElement("div");
    shown.className = "message";
    showMrkdwn(shown, raw.textContent);
    raw.replaceWith(shown);
  }
}

/** Lines that are not there yet; those that are stay, so that a screen reader says each once. */
function addLines(fresh) {
  const list = document.querySelector(".timeline");
  for (const line of fresh.querySelectorAll(".timeline li"))
    if (Number(line.dataset.n) > Number(lastShown())) {
      localTimes(line);
      list.append(document.adoptNode(line));
    }
}

async function show() {
  const fresh = await read(location.pathname);
  const now = fresh.querySelector(".run[data-briefing]");
  if (!now) throw new Error("This page is not the briefing's any more.");
  document.title = fresh.title;
  const had = document.querySelector(".run-message");
  const message = fresh.querySelector(".run-message");
  if (message && !had) document.querySelector(".now").after(document.adoptNode(message));
  else if (message) renew(fresh, ".run-message");
  showMessage();
  addLines(fresh);
  for (const part of PARTS) renew(fresh, part);
  for (const name of ["status", "lastEvent", "terminal"]) {
    if (name in now.dataset) article().dataset[name] = now.dataset[name];
    else delete article().dataset[name];
  }
}

async function follow() {
  const path = `/briefings/${article().dataset.briefing}`;
  while (!("terminal" in article().dataset)) {
    const { status } = await ask("GET", `${path}?wait=30`, { headers: { "if-none-match": `"${lastShown()}"` } });
    tell("");
    if (status !== 304) await show();
  }
}

/** What keeps the page from following. */
function tell(text) {
  let place = document.querySelector(".trouble");
  if (!text) {
    place?.remove();
    return;
  }
  if (!place) {
    place = document.createElement("p");
    place.className = "notice notice-wait trouble";
    place.setAttribute("role", "status");
    article().before(place);
  }
  if (place.textContent !== text) place.textContent = text;
}

export async function briefingPage() {
  if (!article()) return;
  remember(...PARTS, ".run-message");
  showMessage();
  document.querySelector(".timeline").setAttribute("aria-live", "polite");
  for (;;) {
    try {
      await follow();
      return;
    } catch (problem) {
      if (problem.status === 401 || problem.status === 404) {
        tell("You are signed out, so this page does not follow any more. Reload it.");
        return;
      }
      tell("The service cannot be reached at the moment. This page goes on by itself; the briefing does not need it.");
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
