// What POST /briefings accepts, and how it refuses the rest: a typo must not post.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startWorld } from "./harness.mjs";

let world, user;
before(async () => {
  world = await startWorld();
  user = world.user(); // nobody connected it: what is accepted stays blocked
});
after(() => world?.close());

const JSON_TYPE = { "content-type": "application/json" };
const raw = (text, headers = JSON_TYPE) =>
  world.request("POST", "/briefings", { raw: text, headers });

async function assertRefused(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body.code, code);
  const list = await world.request("GET", `/briefings?user_id=${user}`);
  assert.deepEqual(list.body.data, [], "something was accepted");
}

const pointersOf = ({ body }) => body.errors.map(({ pointer }) => pointer);

test("a body of another type is not read", async () => {
  const body = JSON.stringify({ user_id: user });
  for (const type of [undefined, "text/plain", "application/x-www-form-urlencoded", "application/jsonp",
    "multipart/form-data; boundary=x", "application/json; charset=iso-8859-1"]) {
    await assertRefused(await raw(body, type ? { "content-type": type } : {}), 415, "unsupported_media_type");
  }
});

test("a body that is too large is refused before and while it is read", async () => {
  const declared = await raw("", { ...JSON_TYPE, "content-length": "10000000" });
  await assertRefused(declared, 413, "body_too_large");
  const parts = Array.from({ length: 70 }, () => Buffer.alloc(1024, 0x20));
  await assertRefused(await world.request("POST", "/briefings", { raw: parts, headers: JSON_TYPE }), 413,
    "body_too_large");
  const metadata = { note: "x".repeat(64 * 1024) };
  await assertRefused(await world.brief(user, { metadata }), 413, "body_too_large");
});

test("a body that is not JSON is refused", async () => {
  for (const text of ["", " ", "{", "[1,]", "{\"user_id\":}", "{'user_id':'u'}", "user_id=u", "{}{}", "nul",
    "{\"user_id\":\"\\ud800\"}\u0001", "\ufeff{}", "{\"a\":01}", "{\"user_id\":\"a\tb\"}", "NaN",
    `{"user_id":"u\\ud800"}`, `{"metadata":{"\\udc00":"x"}}`]) {
    await assertRefused(await raw(text), 400, "invalid_json");
  }
  await assertRefused(await raw(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])), 400, "invalid_json");
});

test("a body nested deeper than 64 levels is refused", async () => {
  const nested = (depth) => `{"user_id":${JSON.stringify(user)},"metadata":{"x":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
  await assertRefused(await raw(nested(63)), 400, "invalid_json");
  await assertRefused(await raw(nested(5000)), 400, "invalid_json");
  const shallow = await raw(nested(62));
  await assertRefused(shallow, 400, "invalid_request");
  assert.deepEqual(pointersOf(shallow), ["/metadata/x"]);
});

test("a member given twice is refused, however it is spelled", async () => {
  const id = JSON.stringify(user);
  for (const text of [`{"user_id":${id},"user_id":${id}}`, `{"user_id":${id},"mode":"preview","m\\u006fde":"post"}`,
    `{"user_id":${id},"params":{"slack_channel":"C1","slack_channel":"C2"}}`]) {
    await assertRefused(await raw(text), 400, "invalid_json");
  }
});

test("JSON that is no object is refused", async () => {
  for (const text of ["[]", "null", "true", "7", "\"text\""]) {
    await assertRefused(await raw(text), 400, "invalid_request");
  }
});

test("an unknown field is named, also inside params and budget", async () => {
  for (const [fields, pointers] of [[{ moode: "preview" }, ["/moode"]],
    [{ "a/b~c": 1 }, ["/a~1b~0c"]],
    [{ params: { slack_chanel: "C0NEWSROOM1" } }, ["/params/slack_chanel"]],
    [{ budget: { max_eur: "1" } }, ["/budget/max_eur"]]]) {
    const answer = await world.brief(user, fields);
    await assertRefused(answer, 400, "invalid_request");
    assert.deepEqual(pointersOf(answer), pointers);
  }
  const long = await world.brief(user, { params: { [`x${"é".repeat(60)}`]: 1 }, ["é".repeat(90)]: 1 });
  await assertRefused(long, 400, "invalid_request");
  assert.equal(pointersOf(long).length, 2);
  assert.ok(!long.text.includes("\ufffd"), long.text);
});

const WRONG = {
  user_id: [5, null, "", "x".repeat(101), "a\nb", ["u"], {}],
  recipe: [5, null, {}],
  mode: ["publish", "Post", "", true, null],
  timezone: ["Mars/Olympus", "", 2, null, "UTC+1; DROP"],
  if_running: ["ignore", 1, null],
  if_blocked: ["skip", false],
  start_by: ["tomorrow", 1790000000, "2020-01-01T00:00:00Z", "2026-11-23", "2026-13-40T00:00:00Z", null],
  deadline_seconds: [0, -5, "600", 1.5, 9, 1e9, null, true, 3601],
  budget: [5, "0.5", null, [], { max_usd: 0.5 }, { max_usd: "0" }, { max_usd: "-1" }, { max_usd: "much" },
    { max_usd: "5.01" }],
  params: [5, "x", [], null, { sanity_project: 7 }, { sanity_project: "" }, { sanity_dataset: "../x" },
    { slack_channel: "#general" }, { slack_channel: "C0 NEWS" }, { sanity_project: "x".repeat(101) }],
  metadata: [5, "x", [], null, { a: 1 }, { a: null }, { a: { b: "c" } }, { a: "x".repeat(4096) }],
};
for (const [field, values] of Object.entries(WRONG)) {
  test(`a wrong ${field} is refused by its name`, async () => {
    for (const value of values) {
      const answer = await world.brief(user, { [field]: value });
      await assertRefused(answer, 400, "invalid_request");
      const pointers = pointersOf(answer);
      assert.equal(pointers.length, 1, `${JSON.stringify(value)}: ${answer.text}`);
      assert.ok(pointers[0] === `/${field}` || pointers[0].startsWith(`/${field}/`), answer.text);
      assert.ok(answer.body.errors[0].detail.length > 5);
    }
  });
}

test("a missing user_id is refused by its name", async () => {
  const answer = await world.request("POST", "/briefings", { body: {} });
  await assertRefused(answer, 400, "invalid_request");
  assert.deepEqual(pointersOf(answer), ["/user_id"]);
});

test("everything that is wrong is told at once", async () => {
  const answer = await world.request("POST", "/briefings", { body: { user_id: 5, mode: "publish", typo: 1,
    timezone: "Mars/Olympus", deadline_seconds: "600", budget: { max_usd: "99" }, metadata: { a: 1 },
    if_running: "ignore", if_blocked: "skip", start_by: "tomorrow", params: { slack_channel: 1, x: 2 } } });
  await assertRefused(answer, 400, "invalid_request");
  assert.deepEqual(pointersOf(answer).sort(), ["/budget/max_usd", "/deadline_seconds", "/if_blocked",
    "/if_running", "/metadata/a", "/mode", "/params/slack_channel", "/params/x", "/start_by", "/timezone",
    "/typo", "/user_id"]);
  const { body } = await world.brief("a\nb", { recipe: "weekly", mode: "publish", timezone: "Mars/Olympus", start_by: "2001-01-01T00:00:00Z" });
  assert.deepEqual(pointersOf({ body }).sort(), ["/mode", "/recipe", "/start_by", "/timezone", "/user_id"]);
});

test("a recipe that does not exist is 422", async () => {
  for (const recipe of ["weekly", "", "../editorial-briefing", "Editorial-Briefing"])
    await assertRefused(await world.brief(user, { recipe }), 422, "unknown_recipe");
});

test("a query with unknown, doubled or malformed parameters is refused", async () => {
  for (const query of ["?x=1", "?limit=1&limit=2", "?limit=%zz", "?limit=0", "?limit=101", "?limit=ten",
    "?status=done", "?created_after=yesterday", "?cursor=%20", "?cursor=AAAA"]) {
    await assertRefused(await world.request("GET", `/briefings${query}`), 400, "invalid_request");
  }
});

test("a field in the query of what changes something is refused, not passed over", async () => {
  const body = { user_id: user };
  for (const [method, path] of [["POST", "/briefings?mode=preview"], ["POST", `/users/${user}/connect-tickets?confirm=true`],
    ["POST", `/users/${user}/connections/slack/check?x`], ["DELETE", `/users/${user}/connections/slack?x=1`],
    ["PUT", `/users/${user}/recipes/editorial-briefing/params?channel=C1`]]) {
    const answer = await world.request(method, path, method === "POST" && path.startsWith("/b") ? { body } : {});
    await assertRefused(answer, 400, "invalid_request");
    assert.deepEqual(pointersOf(answer), [`?${path.split("?")[1].split("=")[0]}`], path);
  }
});

test("a user's id has a hundred characters, whatever they take", async () => {
  const user = world.user();
  const long = user + "😀".repeat(100 - user.length);
  await world.connect(long, "slack", "sanity");
  const made = await world.brief(long);
  assert.equal(made.body?.user_id, long, made.text);
  assert.equal((await world.untilEnd(made.body.id)).status, "succeeded");
  const path = `/users/${encodeURIComponent(long)}`;
  assert.equal((await world.request("GET", `${path}/connections`)).status, 200);
  assert.equal((await world.request("GET", `${path}/connections/slack`)).body.usable, true);
  assert.equal((await world.request("GET", `${path}/recipes/editorial-briefing/params`)).status, 200);
  assert.equal((await world.request("GET", `/briefings?user_id=${encodeURIComponent(long)}`)).body.data.length, 1);
  assert.equal((await world.request("POST", `${path}/connect-tickets`)).status, 201);
  await assertRefused(await world.brief(`${long}x`), 400, "invalid_request");
  assert.equal((await world.request("GET", `/users/${encodeURIComponent(`${long}x`)}/connections`)).status, 404);
});

test("what is strange but right is accepted", async () => {
  const { body } = await world.request("POST", "/briefings", { headers: { "content-type": "Application/JSON; Charset=UTF-8" },
    raw: ` {"user\\u005fid": "${world.user()}–é😀 <b>", "metadata": {}, "budget": {"max_usd": "0.001"},
      "start_by": "2099-01-01T00:00:00.5+05:30", "timezone": "America/Argentina/ComodRivadavia"}\n` });
  assert.match(body.user_id, /–é😀 <b>$/);
  assert.deepEqual(body.metadata, {});
  assert.equal(Date.parse(body.start_by), Date.parse("2099-01-01T00:00:00.5+05:30"));
});
