#!/usr/bin/env node
// The demo: everything on this machine, one briefing from the HTTP request to the Slack post.
//
//   node tests/demo/demo.mjs [--once]
//
// Starts briefd-sandbox (it plays ScaleKit, Sanity, Slack and Claude) and `briefd serve`, connects the demo
// user, asks for a briefing over HTTP, follows it, and shows the message as it was posted. Then a second
// user, who has connected nothing, can do all of it by hand in a browser: a small proxy in front of briefd
// signs them in, as an organisation's proxy would. Keeps serving until Ctrl-C; with --once it ends and its
// exit status says whether the briefing went out.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { HEADER, startSignInProxy } from './sign_in_proxy.mjs';
import { describe } from './steps.mjs';

const root = process.env.BRIEFD_ROOT ?? fileURLToPath(new URL('../..', import.meta.url));
const binary = process.env.BRIEFD_BIN ?? join(root, 'build/release/src/briefd');
const once = process.argv.includes('--once');
const user = 'demo-editor';
const newcomer = 'demo-newcomer';
const channel = 'C0NEWSROOM1';
const isTerminal = process.stdout.isTTY;
const paint = (code, text) => (isTerminal ? `\x1b[${code}m${text}\x1b[0m` : text);
const bold = (text) => paint(1, text);
const dim = (text) => paint(2, text);
const green = (text) => paint(32, text);

const dir = mkdtempSync(join(tmpdir(), 'briefd-demo-'));
const children = [];
let proxy;
let isLeaving = false;

function start(command, args, options) {
  const child = spawn(command, args, { cwd: dir, ...options });
  children.push(child);
  return child;
}

/** Resolves with the first line for which `take` returns something. */
function firstLine(stream, take, child, name) {
  return new Promise((resolve, reject) => {
    const seen = [];
    createInterface({ input: stream }).on('line', (line) => {
      seen.push(line);
      if (seen.length > 40) seen.shift();
      const found = take(line);
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (code) => {
      if (!isLeaving) reject(new Error(`${name} ended with status ${code}:\n${seen.join('\n')}`));
    });
  });
}

const parse = (line) => {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
};

async function startSandbox() {
  const child = start(process.execPath, [
    join(root, 'tests/sandbox/briefd-sandbox'), '--latency-model-ms', '400', '--latency-tool-ms', '80',
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  return firstLine(child.stdout, (line) => (parse(line)?.ready ? parse(line) : undefined), child, 'the sandbox');
}

/** The usual port when it is free, so that the address is easy to remember. */
function choosePort(wanted) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(wanted, '127.0.0.1', () => probe.close(() => resolve(wanted)));
  });
}

function writeSettings(sandbox, port, publicUrl) {
  const lines = {
    SCALEKIT_ENV_URL: sandbox.scalekit,
    SCALEKIT_CLIENT_ID: sandbox.client_id,
    SCALEKIT_CLIENT_SECRET: sandbox.client_secret,
    ANTHROPIC_BASE_URL: sandbox.anthropic,
    ANTHROPIC_API_KEY: sandbox.anthropic_api_key,
    SANITY_CONNECTION: 'sanitymcp-sandbox',
    SLACK_CONNECTION: 'slack-sandbox',
    SANITY_PROJECT_NAME: 'newsroom',
    SLACK_CHANNEL: channel,
    BRIEFD_LISTEN: `127.0.0.1:${port}`,
    BRIEFD_PUBLIC_URL: publicUrl,
    BRIEFD_TRUSTED_PROXY: '127.0.0.1',
    BRIEFD_TRUSTED_PROXY_HEADER: HEADER,
    BRIEFD_DB: join(dir, 'briefd.db'),
  };
  const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`).join('');
  writeFileSync(join(dir, '.env'), text, { mode: 0o600 });
}

/** The demo lives on its .env alone: settings of the surrounding shell stay out of it. */
function cleanEnvironment() {
  const { PATH, HOME, LANG, ASAN_OPTIONS } = process.env;
  return Object.fromEntries(Object.entries({ PATH, HOME, LANG, ASAN_OPTIONS }).filter(([, v]) => v !== undefined));
}

async function startBriefd() {
  const child = start(binary, ['serve'], { stdio: ['ignore', 'ignore', 'pipe'], env: cleanEnvironment() });
  const take = (line) => {
    const entry = parse(line);
    if (entry?.level === 'error') process.stderr.write(`${line}\n`);
    return entry?.event === 'ready' ? entry.listen : undefined;
  };
  return firstLine(child.stderr, take, child, 'briefd');
}

function makeKey() {
  const made = spawnSync(binary, ['keys', 'create', 'demo', '--scope', 'admin'], {
    cwd: dir, env: cleanEnvironment(), encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`briefd keys create failed:\n${made.stderr}`);
  return made.stdout.trim();
}

async function call(method, url, key, body, headers = {}) {
  const reply = await fetch(url, {
    method,
    headers: {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: body ? JSON.stringify(body) : undefined,
  });
  const text = await reply.text();
  if (!reply.ok && reply.status !== 304) throw new Error(`${method} ${url} answered ${reply.status}: ${text}`);
  return { status: reply.status, etag: reply.headers.get('etag'), body: text ? JSON.parse(text) : null };
}

/** Prints each event as it happens; returns the last document. */
async function follow(url, key) {
  let after = 0;
  for (;;) {
    const { body: page } = await call('GET', `${url}/events?after=${after}`, key);
    for (const event of page.data) {
      const line = describe(event);
      if (line) console.log(`  ${line}`);
      after = event.n;
    }
    if (page.terminal && after >= page.last_event) return (await call('GET', url, key)).body;
    if (after >= page.last_event)
      await call('GET', `${url}?wait=30`, key, undefined, { 'if-none-match': `"${after}"` });
  }
}

/** Slack stores three characters escaped; people see them plain. */
const plain = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

function showMessage(stored) {
  const text = plain(stored);
  const width = Math.max(...text.split('\n').map((line) => [...line].length), 40);
  const edge = '─'.repeat(width + 2);
  console.log(dim(`  ┌${edge}┐`));
  for (const line of text.split('\n'))
    console.log(`${dim('  │')} ${line}${' '.repeat(width - [...line].length)} ${dim('│')}`);
  console.log(dim(`  └${edge}┘`));
}

function leave(code) {
  if (isLeaving) return;
  isLeaving = true;
  proxy?.close();
  const running = children.filter((child) => child.exitCode === null && child.signalCode === null);
  const ends = running.reverse().map((child) => new Promise((done) => child.once('exit', done)));
  for (const child of running) child.kill('SIGTERM');
  Promise.all(ends).then(() => {
    rmSync(dir, { recursive: true, force: true });
    process.exit(code);
  });
}

async function main() {
  console.log(bold('\n1. Starting the sandbox and the service'));
  const sandbox = await startSandbox();
  console.log(`  ✓ briefd-sandbox plays ScaleKit, Sanity, Slack and Claude at ${sandbox.scalekit}`);
  proxy = await startSignInProxy(newcomer, await choosePort(8081));
  writeSettings(sandbox, await choosePort(8080), proxy.url);
  const listen = await startBriefd();
  proxy.forward(listen);
  console.log(`  ✓ briefd serve at ${listen}`);
  const key = makeKey();
  console.log('  ✓ an API key, made by `briefd keys create demo --scope admin`');

  console.log(bold(`\n2. Connecting Sanity and Slack for "${user}"`));
  for (const [connector, connection] of [['sanity', 'sanitymcp-sandbox'], ['slack', 'slack-sandbox']]) {
    await call('POST', `${sandbox.control}/connect`, null, { identifier: user, connection });
    const { body } = await call('POST', `${listen}/users/${user}/connections/${connector}/check`, key);
    console.log(`  ✓ ${body.label} is ${body.status}: ${Object.values(body.account ?? {}).join(', ')}`);
  }

  console.log(bold('\n3. POST /briefings'));
  const { body: accepted } = await call('POST', `${listen}/briefings`, key, { user_id: user });
  console.log(`  ✓ 202, ${accepted.id}`);
  const done = await follow(`${listen}/briefings/${accepted.id}`, key);
  const isDelivered = done.status === 'succeeded';
  console.log(isDelivered ? green(`  ✓ ${done.summary}`) : `  ✗ ${done.status}: ${done.error?.detail ?? done.summary}`);

  console.log(bold(`\n4. What the channel shows (${sandbox.scalekit}/slack/${channel})`));
  const { body: slack } = await call('GET', `${sandbox.control}/slack?channel=${channel}&identifier=${user}`, null);
  const posts = slack.messages;
  for (const post of posts) showMessage(post.text);
  const code = isDelivered && posts.length === 1 ? 0 : 1;
  if (code) console.error(`The channel should show one message; it shows ${posts.length}.`);
  if (once || code) return leave(code);

  console.log(bold('\n5. Your turn') + dim('   (Ctrl-C ends it all)'));
  console.log(`  export KEY=${key}`);
  console.log(`  curl -s -X POST ${listen}/briefings -H "Authorization: Bearer $KEY" \\`);
  console.log(`       -H 'Content-Type: application/json' -d '{"user_id":"${user}","mode":"preview"}'`);
  console.log(`  curl -s ${listen}/briefings -H "Authorization: Bearer $KEY"`);
  console.log(`  The channel: ${sandbox.scalekit}/slack/${channel}`);

  console.log(bold(`\n6. In a browser, as "${newcomer}"`) + dim('   (a proxy signs them in; nothing is connected yet)'));
  console.log(`  ${bold(`${proxy.url}/`)}`);
  console.log('  Connect Sanity, connect Slack, look at a preview, send the first briefing, and find it here:');
  console.log(`  ${sandbox.scalekit}/slack/${channel}?identifier=${newcomer}\n`);
}

process.on('SIGINT', () => leave(0));
process.on('SIGTERM', () => leave(0));
main().catch((error) => {
  console.error(`demo: ${error.message}`);
  leave(1);
});
