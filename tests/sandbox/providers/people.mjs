// Everything a provider knows about a user is derived from a hash of the identifier, so that it is
// the same on every run and different for every user. `tag` is the part that people can see.

import { createHash } from "node:crypto";

const FIRST = ["Ada", "Ingrid", "Mateo", "Noor", "Sven", "Amara", "Lucía", "Jonas", "Mei", "Tariq",
  "Elin", "Oskar", "Priya", "Hana", "Felix", "Zola"];
const LAST = ["Berg", "Okafor", "Lindqvist", "Moreau", "Tanaka", "Haugen", "Rossi", "Novak",
  "Silva", "Kaya", "Brandt", "Osei", "Dahl", "Ferrari", "Nguyen", "Walsh"];

/** The person whom `identifier` is at a provider, with the account chosen there (0 or 1). */
export function person(identifier, choice = 0) {
  const seed = choice ? `${identifier} #${choice}` : identifier;
  const bytes = createHash("sha256").update(seed).digest();
  const hex = bytes.toString("hex");
  const name = `${FIRST[bytes[20] & 15]} ${LAST[bytes[21] & 15]}`;
  return {
    tag: hex.slice(0, 6),
    hex,
    /** Letters and digits as ids of providers have them. */
    code: (from, length) =>
      BigInt(`0x${hex.slice(from)}`).toString(36).toUpperCase().slice(0, length),
    name,
    login: `${name.toLowerCase().normalize("NFD").replace(/[^a-z]/g, "")}-${hex.slice(0, 6)}`,
    email: `${name.split(" ")[0].toLowerCase().normalize("NFD").replace(/[^a-z]/g, "")}.${
      hex.slice(0, 6)}@example.com`,
    random: randomFrom(bytes.readUInt32LE(8)),
  };
}

/** A small generator of numbers below `n`, the same row for the same seed (xorshift). */
function randomFrom(seed) {
  let state = seed || 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

/** What a person can choose between on the consent page of a provider. */
export function choices(provider, identifier) {
  return [0, 1].map((choice) => {
    const who = person(identifier, choice);
    switch (provider) {
    case "SLACK":
      return { choice, title: workspace(who, choice), detail: `${who.name} · ${who.email}` };
    case "SANITYMCP":
      return { choice, title: who.email, detail: `signed in with ${choice ? "GitHub" : "Google"}` };
    default:
      return { choice, title: who.login, detail: who.email };
    }
  }).slice(0, provider === "SLACK" || provider === "SANITYMCP" ? 2 : 1);
}

/** The name of a Slack workspace. */
export function workspace(who, choice) {
  return `${choice ? "Magazine" : "Daily"} ${who.tag}`;
}
