// The page of one briefing: what happened in words, live, and the message as Slack shows it.

import { ask } from "/static/service.js";
import { clockTime } from "/static/times.js";
import { showMrkdwn } from "/static/mrkdwn.js";

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

const NOT_POSTED = {
  not_executed_account: "the account must be connected again",
  not_executed_passing: "Slack says \"not now\"; it is sent again",
  not_executed_credentials: "this service's own credentials are refused",
  not_executed_refused: "Slack refused it; Claude was told",
  surely_absent: "no answer came, and the message is not in the channel",
};

const WORDS = {
  queued: () => "Accepted",
  claimed: () => "Started",
  prepare_begun: () => "Checking the connections",
  prepared: (d) => `${d.connectors} connections checked, ${d.tools} tools ready`,
  model_asked: () => "Claude is thinking",
  model_reply: (d) => `Claude answered (reply ${d.turn}, ${seconds(d.took_ms)}, $${d.cost_usd})`,
  model_retry: (d) => `Claude is not available (HTTP ${d.status}); trying again in ${seconds(d.wait_ms)}`,
  tools_called: (d) => `Calling ${d.tools.join(", ")}`,
  tool_result: (d) => (d.ok ? `${d.tool}${d.count === undefined ? "" : `: ${d.count} ${d.noun}`}` : `${d.tool} failed; Claude was told`),
  delivery_intended: () => "The message is on its way",
  delivery_reconciling: () => "No answer came: looking into the channel",
  delivery_not_executed: (d) => `Not posted: ${NOT_POSTED[d.outcome]}`,
  delivered: (d) => `Posted to ${d.channel}`,
  previewed: () => "The message is ready; nothing was posted",
  started_over: (d) => `Starting over: ${d.why}`,
  blocked: () => "Waiting: a connection needs you",
  unblocked: () => "The connection works again",
  parked: () => "Paused; it goes on by itself",
  recovered: () => "Taken up again after a restart",
  waiting_for_credentials: () => "Waiting for those who run this service",
  cancel_requested: () => "Cancelling",
  cancelled: () => "Cancelled",
  ended: () => "Ended",
};

function words(type, data) {
  try {
    return WORDS[type]?.(data) ?? type.replaceAll("_", " ");
  } catch {
    return type.replaceAll("_", " ");
  }
}

function addEvent(list, event) {
  if (list.querySelector(`li[data-n="${event.n}"]`)) return;
  const item = document.createElement("li");
  item.dataset.n = event.n;
  item.dataset.type = event.type;
  item.append(clockTime(event.at), ` ${words(event.type, event.data)}`);
  list.append(item);
}

/** The parts of the page that change with the document. */
function show(article, run) {
  article.dataset.status = run.status;
  const set = (name, value) => {
    const place = article.querySelector(`[data-fact="${name}"] dd`);
    if (place && value !== null && value !== undefined) place.textContent = value;
  };
  set("status", run.status);
  set("cost in US dollars", run.usage.cost_usd);
  const summary = article.querySelector(".summary");
  if (summary) summary.textContent = run.summary ?? summary.textContent;
  if (!run.delivery.text) return;
  let message = article.querySelector(".message");
  if (!message) {
    message = document.createElement("div");
    message.className = "message";
    article.querySelector(".facts").after(message);
  }
  showMrkdwn(message, run.delivery.text);
}

function showBlocked(article, run) {
  article.querySelector(".blocked")?.remove();
  if (run.status !== "blocked") return;
  const notice = document.createElement("p");
  notice.className = "notice notice-wait blocked";
  notice.setAttribute("role", "status");
  for (const { connector } of run.blocked_on) {
    const link = document.createElement("a");
    link.href = `/?connect=${encodeURIComponent(connector)}`;
    link.textContent = `Connect ${connector}`;
    notice.append("This briefing waits for a connection. ", link, " ");
  }
  article.querySelector(".facts").before(notice);
}

async function follow(article, list) {
  const path = `/briefings/${article.dataset.briefing}`;
  let after = 0;
  for (;;) {
    const { body: page } = await ask("GET", `${path}/events?after=${after}`);
    for (const event of page.data) {
      addEvent(list, event);
      after = event.n;
    }
    const { body: run } = await ask("GET", path);
    show(article, run);
    showBlocked(article, run);
    if (page.terminal && after >= page.last_event) return;
    if (after >= page.last_event)
      await ask("GET", `${path}?wait=30`, { headers: { "if-none-match": `"${after}"` } });
  }
}

export async function briefingPage() {
  const article = document.querySelector(".run[data-briefing]");
  const list = article?.querySelector(".timeline");
  if (!list) return;
  list.replaceChildren();
  list.setAttribute("aria-live", "polite");
  for (;;) {
    try {
      await follow(article, list);
      return;
    } catch (problem) {
      if (problem.status && !problem.retryable) return;
      await new Promise((resolve) => setTimeout(resolve, 3000));
    }
  }
}
