// The scripted Claude: which script answers a request, and what a test made it do instead.
//
// An override, set over the control port:
//   {"script": NAME, "for": {"contains": TEXT}, "at_turn": 2, "count": 1, "args": {…}}
// applies to requests whose body contains TEXT (to all without "for"), at one turn or where the
// script itself says, `count` times (a script's own default otherwise; -1 is no limit). The first
// override that fits wins.

import * as editorial from "./scripts/editorial.mjs";
import * as githubDigest from "./scripts/github_digest.mjs";
import { MOMENTS, VARIATIONS } from "./scripts/variations.mjs";
import { text, viewOf } from "./view.mjs";

// Ordinary scripts, in the order in which they are tried.
const ORDINARY = {
  editorial,
  "github-digest": githubDigest,
  plain: { suits: () => true, reply: () => ({ blocks: [text("There is nothing for me to do.")] }) },
};

export const SCRIPT_NAMES = [...Object.keys(ORDINARY), ...Object.keys(VARIATIONS)];

export class BadOverride extends Error {}

export function createScripts() {
  let overrides = [];

  return {
    /** {name, reply, turn} for a request's body and its text. */
    replyTo(body, bodyText) {
      const view = viewOf(body);
      const name = Object.keys(ORDINARY).find((key) => ORDINARY[key].suits(view));
      const base = once(() => ORDINARY[name].reply(view));
      for (const override of overrides) {
        const reply = applied(override, { ...view, args: override.args }, bodyText, base);
        if (!reply) continue;
        if (override.count > 0) override.count--;
        override.hits++;
        return { name: override.script, reply, turn: view.turn };
      }
      return { name, reply: base(), turn: view.turn };
    },

    add(given) {
      for (const one of Array.isArray(given) ? given : [given]) overrides.push(checked(one));
    },
    list: () => overrides,
    clear() {
      overrides = [];
    },
  };
}

function applied(override, view, bodyText, base) {
  const { script, for: where, at_turn: atTurn, count } = override;
  if (count === 0 || (where.contains && !bodyText.includes(where.contains))) return null;
  if (atTurn !== undefined && view.turn !== atTurn) return null;
  if (ORDINARY[script]) return ORDINARY[script].reply(view);
  const { when, change } = VARIATIONS[script];
  const anyTime = atTurn !== undefined && (when === "first" || when === "always");
  if (!anyTime && !MOMENTS[when](view, base())) return null;
  return change(view, base());
}

function once(make) {
  let made;
  return () => (made ??= make());
}

const FIELDS = { script: (v) => SCRIPT_NAMES.includes(v), for: (v) => typeof v === "object" && v !== null,
  at_turn: Number.isInteger, count: Number.isInteger,
  args: (v) => typeof v === "object" && v !== null };

function checked(given) {
  if (typeof given !== "object" || given === null) throw new BadOverride("an override is an object");
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(FIELDS, name)) throw new BadOverride(`unknown field "${name}"`);
    if (!FIELDS[name](value)) throw new BadOverride(`${name} has a wrong value`);
  }
  if (given.script === undefined) throw new BadOverride("script is missing");
  return { script: given.script, for: given.for ?? {}, at_turn: given.at_turn,
    count: given.count ?? VARIATIONS[given.script]?.count ?? -1, args: given.args ?? {}, hits: 0 };
}
