// The pages on the ScaleKit listener: authorization links, their end, and Slack channels.

import { cookie, mediaType, readBody, sendHtml } from "../http.mjs";
import { consentPage, notePage } from "./consent.mjs";
import { slackChannelPage } from "./slack_channel.mjs";

export function createPages({ magicLinks, slack, log }) {
  const note = (res, name) => {
    const { status, html } = notePage(name);
    sendHtml(res, status, html);
    return status;
  };

  function showLink(req, res, token) {
    const opened = magicLinks.open(token, cookie(req, "sandbox_reader"));
    if (opened.problem) return note(res, opened.problem);
    const attributes = `Path=/magicLink/${token}; HttpOnly; SameSite=Lax`;
    sendHtml(res, 200, consentPage(opened.flow), opened.cookie && {
      "set-cookie": `sandbox_reader=${opened.cookie}; ${attributes}`,
    });
    return 200;
  }

  async function decide(req, res, token) {
    if (mediaType(req) !== "application/x-www-form-urlencoded") return note(res, "bad_decision");
    const form = new URLSearchParams((await readBody(req, 65536)).toString());
    const reader = cookie(req, "sandbox_reader");
    const opened = magicLinks.open(token, reader);
    if (opened.problem) return note(res, opened.problem);
    if (!reader || form.get("reader") !== reader) return note(res, "signed_in_elsewhere");
    const decision = form.get("decision");
    if (decision !== "allow" && decision !== "deny") return note(res, "bad_decision");
    const { redirect, page } = magicLinks.decide(opened.flow,
      { allow: decision === "allow", choice: form.get("choice") === "1" ? 1 : 0 });
    if (page) return note(res, page);
    res.writeHead(303, { location: redirect, "referrer-policy": "no-referrer",
      "cache-control": "no-store", "content-length": 0 });
    res.end();
    return 303;
  }

  function showChannel(res, id, query) {
    const channel = slack.channel(id);
    if (!channel) return note(res, "unknown");
    const identifier = query.get("identifier") ?? undefined;
    const messages = slack.list({ channel: id, identifier, all: !identifier });
    sendHtml(res, 200, slackChannelPage(channel, messages));
    return 200;
  }

  /** Answers if the path is a page's; false otherwise. */
  return async function pages(req, res, path, query) {
    const [, place, name] = /^\/(magicLink|slack|connected)\/([A-Za-z0-9_-]+)$/.exec(path) ?? [];
    const run = {
      "GET magicLink": () => showLink(req, res, name),
      "POST magicLink": () => decide(req, res, name),
      "GET slack": () => showChannel(res, name, query),
      "GET connected": () => note(res, "connected"),
    }[`${req.method} ${place}`];
    if (!run) return false;
    const entry = log.begin(`pages.${place}`, req);
    log.end(entry, await run());
    return true;
  };
}
