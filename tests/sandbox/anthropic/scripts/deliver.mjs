// The end of a briefing: one call of the send tool, alone; a second thought after an error; a closing
// sentence once it is sent.

import { hiddenError } from "../results.mjs";
import { call, callsOf, sendTool, text } from "../view.mjs";

const MAX_ATTEMPTS = 3;
const TOO_LONG = /too long|too_long|longer|shorten|4,?000|characters|length/i;

/** The next reply when everything is known; `compose(level)` makes a shorter text at each level. */
export function deliver(view, compose) {
  const tool = sendTool(view);
  if (!tool) return { blocks: [text(compose(0))] };
  const attempts = callsOf(view, tool);
  const failures = attempts.filter(({ result }) => problemOf(result) !== null);
  if (failures.length < attempts.length) {
    return { blocks: [text("The briefing has been sent.")] };
  }
  if (failures.length >= MAX_ATTEMPTS) {
    return { blocks: [text("The briefing could not be sent: " +
      problemOf(failures.at(-1).result))] };
  }
  const level = failures.filter(({ result }) => TOO_LONG.test(problemOf(result))).length;
  const opening = failures.length === 0 ? "I have everything and send the briefing." :
    "The message was not accepted; I send it again.";
  return { blocks: [text(opening), call(tool, { text: compose(level) })] };
}

export function problemOf({ text: words, isError }) {
  return isError ? words : hiddenError(words);
}
