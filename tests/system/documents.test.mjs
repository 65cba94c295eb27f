// Every command and request in the README and in static/docs/ is run, page by page, from top to bottom.
//
// A block of ```sh is run by bash in a folder with `.env`, where `briefd` is the real binary. What a page leaves to its
// reader comes from here: $KEY, and $ID, a briefing of the user u_7f. A comment before a block may say
//
//   <!-- run: ID of an unknown delivery -->           $ID is a briefing that ended as delivery_unknown
//   <!-- run: ETAG of a connection to confirm -->     $ETAG is that of the Slack account of u_7f, connected by a ticket
//   <!-- run by tests/package -->                     the block is run by that folder or file instead, which must exist
//
// The service of the page runs before its first block; `briefd serve` and `systemctl` do what they would find then:
// nothing is left to do. systemctl must name a unit of ours, journalctl too.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { invited } from "./browser.mjs";
import { BINARY, ROOT, startWorld } from "./harness.mjs";

const LISTEN = "http://127.0.0.1:8080"; // what pages call the service
const pages = ["README.md", ...readdirSync(join(ROOT, "static/docs")).map((file) => `static/docs/${file}`)];

/** The blocks of a page: {text, line, note}. */
function blocksOf(markdown) {
  const rows = markdown.split("\n");
  const blocks = [];
  rows.forEach((row, i) => {
    if (row !== "```sh") return;
    const end = rows.indexOf("```", i + 1);
    const note = rows.slice(Math.max(0, i - 2), i).join(" ").match(/<!-- (run[^>]*?) -->/)?.[1];
    blocks.push({ text: rows.slice(i + 1, end).join("\n"), line: i + 2, note });
  });
  return blocks;
}

/** Programs of the same names, put before the real ones. */
function programs(folder, world) {
  const bin = join(folder, "bin");
  const units = [...readdirSync(join(ROOT, "config/systemd"))].join(" ");
  mkdirSync(bin);
  const write = (name, text) => {
    writeFileSync(join(bin, name), `#!/bin/bash\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  write("briefd", `[ "$1" != serve ] || exit 0\nexec ${world.binary} "$@"`);
  write("curl", 'exec /usr/bin/curl --silent --show-error --fail-with-body "$@"');
  const unit = `
for word in "$@"; do
  case $word in -* | enable | start | reload | restart | status | daemon-reload | edit) continue ;; esac
  name=\${word%.service}
  case " ${units} " in *" $name.service "* | *" $name "* | *" \${name%%@*}@.\${name##*.} "* | *" \${name%%@*}@.service "*) ;;
    *) echo "no such unit: $word" >&2; exit 1 ;; esac
done`;
  write("systemctl", unit);
  write("journalctl", unit);
  return bin;
}

function bash(script, options) {
  const child = spawn("bash", ["-eu", "-o", "pipefail", "-c", script], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => said.push(data));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, said: Buffer.concat(said).toString() })));
}

async function unknownDelivery(world) {
  const user = await world.connected("lost");
  await world.loseDelivery(user);
  const run = await world.briefToEnd(user, {});
  assert.equal(run.error.code, "delivery_unknown");
  return run.id;
}

async function connectedByTicket(world) {
  const browser = await invited(world, "u_7f", { connectors: ["slack"], confirm: true });
  await browser.connect("slack");
  const { headers, body } = await world.request("GET", "/users/u_7f/connections/slack");
  assert.equal(body.pending_confirmation, true);
  return headers.etag;
}

/** Everything of the page, in one shell: what a block sets, later ones have. */
async function follow(page, blocks, world) {
  await world.connect("u_7f", "sanity", "slack");
  const KEY = await world.newKey("admin", "documents");
  const { id: ID } = await world.briefToEnd("u_7f", {});
  const script = [];
  for (const { text, line, note } of blocks) {
    if (note?.startsWith("run by ")) {
      assert.ok(existsSync(join(ROOT, note.slice("run by ".length))), `${page}:${line}: ${note}`);
      continue;
    }
    if (note === "run: ETAG of a connection to confirm") script.push(`ETAG='${await connectedByTicket(world)}'`);
    const id = note === "run: ID of an unknown delivery" ? await unknownDelivery(world) : ID;
    script.push(`trap 'echo "${page}:${line}: this failed: $BASH_COMMAND"' ERR`, `ID=${id}`,
      text.replaceAll(LISTEN, world.url).replaceAll(/br_…/g, id));
  }
  const env = { ...world.env, BRIEFD_LISTEN: new URL(world.url).host, KEY, PATH: `${programs(world.folder, world)}:${process.env.PATH}`, HOME: world.folder };
  const { code, said } = await bash(script.join("\n"), { cwd: world.folder, env });
  assert.equal(code, 0, said);
}

for (const page of pages) {
  const blocks = blocksOf(readFileSync(join(ROOT, page), "utf8"));
  if (blocks.length === 0) continue;
  test(`${page}: ${blocks.length} blocks of commands do what they say`, async () => {
    const world = await startWorld();
    try {
      await follow(page, blocks, world);
    } finally {
      await world.close();
    }
  });
}

test("README.md: the line for cron makes one briefing a day, and needs no service", async () => {
  const [, line] = readFileSync(join(ROOT, "README.md"), "utf8").match(/^ {4}0 7 \* \* 1-5 +cd \/srv\/briefd && (.*)$/m);
  const world = await startWorld();
  try {
    await world.connect("u_7f", "sanity", "slack");
    await world.stop();
    const env = { ...world.env, PATH: `${programs(world.folder, world)}:${process.env.PATH}`, HOME: world.folder };
    for (const turn of ["first", "second"]) {
      const { code, said } = await bash(line.replaceAll("\\%", "%"), { cwd: world.folder, env });
      assert.equal(code, 0, `${turn}: ${said}`);
    }
    assert.equal((await world.posts("u_7f")).length, 1);
  } finally {
    await world.close();
  }
});

test("commands that pages name in passing exist, with their options", () => {
  const help = (...words) => spawnSync(BINARY, words, { encoding: "utf8" }).stdout;
  const known = help("help").match(/^Commands:\n((?: {2}.*\n)+)/m)[1];
  const verbs = spawnSync(join(ROOT, "dev"), ["help"], { encoding: "utf8" }).stdout;
  for (const page of pages) {
    const text = readFileSync(join(ROOT, page), "utf8");
    for (const [, inside] of text.matchAll(/`([^`]+)`/g)) {
      const [program, word, ...rest] = inside.replace(/^.*\/(?=briefd )/, "").split(/\s+/);
      if (program === "./dev") assert.match(verbs, new RegExp(`^./dev ${word}\\b`, "m"), `${inside} in ${page}`);
      if (program !== "briefd" || !word) continue;
      assert.match(known, new RegExp(`^ {2}${word} `, "m"), `${inside} in ${page}`);
      for (const option of rest.filter((one) => one.startsWith("--")))
        assert.match(help(word, "--help"), new RegExp(`^ {2}${option}\\b`, "m"), `${inside} in ${page}`);
    }
  }
});

test("commands stand in blocks that are run", () => {
  for (const page of pages) {
    const text = readFileSync(join(ROOT, page), "utf8");
    assert.ok(!/^ {4,}(\$ )?(curl|briefd|systemctl|apt-get|\.\/dev) /m.test(text), `${page} has a command outside a block of sh`);
  }
});

test("settings and metrics that pages name exist", () => {
  const settings = readFileSync(join(ROOT, "config/briefd.env.example"), "utf8");
  const sources = ["store", "web", "http", "runs", "notify", "command", "connect", "base"].flatMap((layer) =>
    readdirSync(join(ROOT, "src", layer)).map((file) => readFileSync(join(ROOT, "src", layer, file), "utf8"))).join("\n");
  for (const page of pages) {
    const text = readFileSync(join(ROOT, page), "utf8");
    for (const [name] of text.matchAll(/\bBRIEFD_[A-Z_]*[A-Z]\b/g))
      assert.ok(settings.includes(`${name}=`) || sources.includes(`"${name}"`), `${name} in ${page}`);
    for (const [name] of text.matchAll(/\bbriefd_[a-z_]*[a-z]\b(?=[`{])/g))
      assert.ok(sources.includes(`"${name}"`), `${name} in ${page}`);
  }
});
