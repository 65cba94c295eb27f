// The command line: what each command prints, where, and its exit code. No sandbox: nothing here asks anybody.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { BINARY, ROOT } from "./harness.mjs";
import { bareEnvironment } from "./processes.mjs";

const COMPLETE = {
  SCALEKIT_ENV_URL: "https://acme.scalekit.dev",
  SCALEKIT_CLIENT_ID: "skc_1",
  SCALEKIT_CLIENT_SECRET: "test_very_hidden_1",
  ANTHROPIC_API_KEY: "sk-ant-very-hidden-2",
  SLACK_CONNECTION: "slack-7Hd2",
};

const root = mkdtempSync(join(tmpdir(), "briefd-commands-"));
let folder;
let n = 0;
beforeEach(() => mkdirSync(folder = join(root, `${++n}`)));
after(() => rmSync(root, { recursive: true, force: true }));

/** Runs briefd to its end in the test's own folder. */
function briefd(args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(BINARY, args,
    { cwd: folder, env: { ...bareEnvironment(), ...env }, encoding: "utf8", timeout: 60_000 });
  assert.ifError(error);
  return { code: status, stdout, stderr };
}

test("--help lists the commands, and each explains itself with an example", () => {
  const overview = briefd(["--help"]);
  assert.equal(overview.code, 0);
  assert.equal(overview.stderr, "");
  const commands = [...overview.stdout.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map((match) => match[1]);
  for (const name of ["serve", "run", "check-config", "keys", "migrate", "version", "help"]) {
    assert.ok(commands.includes(name), `${name} in ${commands}`);
  }
  for (const name of commands) {
    const { code, stdout } = briefd([name, "--help"]);
    assert.equal(code, 0, name);
    assert.match(stdout, new RegExp(`^Usage:\\n  briefd ${name}`), name);
    assert.match(stdout, /\nExample:\n {2}briefd /, name);
    assert.equal(briefd(["help", name]).stdout, stdout, name);
  }
});

test("--version tells version and commit", () => {
  const { code, stdout } = briefd(["--version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^briefd \d+\.\d+\.\d+ \(\w+\)\n$/);
});

test("wrong use exits with 64 and a hint", () => {
  for (const args of [[], ["nonsense"], ["migrate", "--bogus"], ["migrate", "extra"], ["migrate", "--db"],
    ["migrate", "--db="], ["migrate", "--db", "a", "--db", "b"], ["check-config", "--print=yes"],
    ["keys"], ["keys", "create"], ["keys", "create", "a"], ["keys", "create", "a", "--scope", "everything"],
    ["keys", "create", "a", "--scope", ","], ["keys", "revoke"], ["keys", "list", "x"],
    ["keys", "create", "a b", "--scope", "admin"], ["help", "nonsense"]]) {
    const { code, stdout, stderr } = briefd(args);
    assert.equal(code, 64, `${args}: ${stderr}`);
    assert.equal(stdout, "", `${args}`);
    assert.match(stderr, /briefd .*help/, `${args}`);
  }
});

test("check-config reports every problem at once with exit code 78", () => {
  const { code, stdout, stderr } = briefd(["check-config"], { BRIEFD_MAX_RUNS: "many", BRIEFD_MODLE: "x" });
  assert.equal(code, 78);
  assert.equal(stdout, "");
  for (const name of ["SCALEKIT_ENV_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET", "ANTHROPIC_API_KEY",
    "BRIEFD_MAX_RUNS", "Did you mean BRIEFD_MODEL?", "SANITY_CONNECTION"]) {
    assert.ok(stderr.includes(name), `${name} in ${stderr}`);
  }
  assert.match(stderr, /has 7 problems:/);
});

test("serve and run refuse to start with the same list", () => {
  const wanted = briefd(["check-config"]).stderr.split("\n").slice(1);
  for (const name of ["serve", "run"]) {
    const { code, stderr } = briefd([name]);
    assert.equal(code, 78, stderr);
    assert.deepEqual(stderr.split("\n").slice(1), wanted);
  }
  assert.ok(!existsSync(join(folder, "briefd.db")));
});

test("check-config accepts a complete .env file, prints it masked, and changes nothing", () => {
  const lines = Object.entries(COMPLETE).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder, ".env"), lines.join(""), { mode: 0o600 });
  const { code, stdout, stderr } = briefd(["check-config", "--print"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ANTHROPIC_API_KEY=\(set, 20 characters\) {2}# \.env$/m);
  assert.match(stdout, /^SLACK_CONNECTION=slack-7Hd2 {2}# \.env$/m);
  assert.doesNotMatch(stdout + stderr, /very_hidden|very-hidden/);
  assert.equal(briefd(["check-config", "--env-file", "none.env"], COMPLETE).code, 78);
  assert.ok(!existsSync(join(folder, "briefd.db")));
});

test("check-config --example prints the committed example", () => {
  const { code, stdout } = briefd(["check-config", "--example"]);
  assert.equal(code, 0);
  assert.equal(stdout, readFileSync(join(ROOT, "config/briefd.env.example"), "utf8"));
});

test("migrate makes a database that only its owner reads, and then finds nothing to do", () => {
  const first = briefd(["migrate", "--db", "mine.db"]);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /^applied 0001_init\.sql\n(applied .*\n)*mine\.db is now at version \d+\.\n$/);
  assert.equal(statSync(join(folder, "mine.db")).mode & 0o777, 0o600);
  assert.match(briefd(["migrate", "--db=mine.db"]).stdout, /^mine\.db is up to date: version \d+\.\n$/);
});

test("migrate is refused while another process holds the database, and names it", async () => {
  const holder = spawn("flock", [join(folder, "briefd.db.lock"), "sh", "-c", "echo held; read line"],
    { stdio: ["pipe", "pipe", "inherit"] });
  await once(holder.stdout, "data");
  const { code, stderr } = briefd(["migrate"]);
  holder.stdin.end("\n");
  await once(holder, "exit");
  assert.equal(code, 1);
  assert.match(stderr, /briefd\.db\.lock/);
  assert.ok(!existsSync(join(folder, "briefd.db")));
});

test("migrate leaves files alone that are no database of briefd", () => {
  writeFileSync(join(folder, "briefd.db"), "this is a letter to my aunt, not a database\n".repeat(100));
  const { code, stderr } = briefd(["migrate"]);
  assert.notEqual(code, 0);
  assert.match(stderr, /briefd\.db/);
  assert.match(readFileSync(join(folder, "briefd.db"), "utf8"), /^this is a letter/);
});

test("a key is shown once, listed without its secret, and revoked by its id", () => {
  const made = briefd(["keys", "create", "newsroom", "--scope", "briefings:write,briefings:read"]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^bk_[A-Za-z0-9_-]{40,}\n$/);
  const secret = made.stdout.trim();
  assert.ok(!made.stderr.includes(secret));
  assert.match(made.stderr, /no database yet: .*briefd\.db is new/);
  assert.doesNotMatch(briefd(["keys", "create", "b", "--scope", "admin"]).stderr, /no database/);
  assert.equal(briefd(["keys", "revoke", briefd(["keys", "list"]).stdout.split("\n").find((l) => / b /.test(l)).split(" ")[0]]).code, 0);

  const list = briefd(["keys", "list"]);
  assert.match(list.stdout, /^key_\w+ +newsroom +.* briefings:read briefings:write\n$/);
  assert.ok(!(list.stdout + list.stderr).includes(secret));
  const id = list.stdout.split(" ")[0];
  assert.equal(briefd(["keys", "revoke", id]).code, 0);
  assert.equal(briefd(["keys", "list"]).stdout, "");
  assert.match(briefd(["keys", "list", "--all"]).stdout, new RegExp(`^${id} .* revoked `));
  assert.equal(briefd(["keys", "revoke", "key_unknown"]).code, 1);
});

test("a seal key that does not fit the database is a matter of configuration", () => {
  assert.equal(briefd(["migrate"], { BRIEFD_SEAL_KEY: "AAAA" }).code, 78);
});

test("listing and revoking do not make a database", () => {
  for (const args of [["keys", "list"], ["keys", "revoke", "key_1"]]) {
    const { code, stderr } = briefd(args);
    assert.equal(code, 1);
    assert.match(stderr, /there is no database/);
  }
  assert.ok(!existsSync(join(folder, "briefd.db")));
});

test("an answer that cannot be written is a failure", () => {
  const full = spawnSync("sh", ["-c", `"$0" check-config --example >/dev/full`, BINARY], { env: bareEnvironment() });
  assert.equal(full.status, 1);
});
