import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { useSandbox, violations } from "./testing.mjs";

const sandbox = useSandbox();
const scoped = (query) => sandbox.api("GET", `/api/v1/tools/scoped?identifier=ada&${query}`);

async function allPages(query) {
  const found = [];
  let token = "";
  let pages = 0;
  do {
    const { body } = await scoped(`${query}&page_token=${encodeURIComponent(token)}`);
    found.push(...body.tools);
    token = body.next_page_token;
    pages++;
  } while (token);
  return { found, pages };
}

describe("scoped tools", () => {
  it("need a filter", async () => {
    await sandbox.connect("slack-sandbox");
    const answer = await scoped("page_size=10");
    assert.equal(answer.status, 400);
    assert.equal(violations(answer)[0].field, "filter");
  });

  it("come in small pages unless asked otherwise, and in several even then", async () => {
    await sandbox.connect("slack-sandbox");
    await sandbox.connect("sanitymcp-sandbox");
    const both = "filter.connection_names=slack-sandbox&filter.connection_names=sanitymcp-sandbox";
    assert.equal((await scoped(both)).body.tools.length, 10);
    const { found, pages } = await allPages(`${both}&page_size=100`);
    assert.equal(pages, 2);
    const names = found.map(({ tool }) => tool.definition.name);
    assert.equal(new Set(names).size, names.length);
    for (const name of ["slack_send_message", "slack_auth_test", "slack_fetch_conversation_history",
      "sanitymcp_whoami", "sanitymcp_query_documents", "sanitymcp_list_releases"]) {
      assert.ok(names.includes(name), name);
    }
  });

  it("say whose they are", async () => {
    const { id } = await sandbox.connect("slack-sandbox");
    const { body } = await scoped("filter.tool_names=slack_send_message");
    assert.equal(body.total_size, 1);
    assert.equal(body.tools[0].identifier, "ada");
    assert.equal(body.tools[0].connected_account_id, id);
    assert.deepEqual(body.tools[0].tool.definition.input_schema.required, ["channel", "text"]);
  });

  it("of an account that does not exist are 404, or empty as a variant", async () => {
    assert.equal((await scoped("filter.connection_names=slack-sandbox")).status, 404);
    await sandbox.control("POST", "/variants", { scoped_without_account: "empty" });
    assert.deepEqual((await scoped("filter.connection_names=slack-sandbox")).body.tools, []);
    assert.equal((await scoped("filter.connection_names=slack")).status, 404);
  });

  it("are there whatever the account's status", async () => {
    await sandbox.control("POST", "/accounts",
      { identifier: "ada", connection: "slack-sandbox", status: "EXPIRED" });
    assert.equal((await scoped("filter.providers=SLACK")).body.total_size, 82);
  });

  it("have definitions that are nasty in the ways real ones are", async () => {
    await sandbox.connect("sanitymcp-sandbox");
    const { found } = await allPages("filter.providers=SANITYMCP&page_size=100");
    const definitions = found.map(({ tool }) => tool.definition);
    const properties = definitions.flatMap((d) => Object.entries(d.input_schema.properties));
    assert.ok(definitions.some(({ name }) => name.length > 64));
    assert.ok(definitions.some(({ description }) => description.length > 1024));
    assert.ok(properties.some(([name]) => name.startsWith("$")));
    assert.ok(properties.some(([, schema]) => schema.required === true));
  });
});

describe("the catalogue", () => {
  it("can be narrowed and shortened to names", async () => {
    const { body } = await sandbox.api("GET",
      "/api/v1/tools?filter.provider=SLACK&filter.summary=true&page_size=100");
    assert.equal(body.tool_names.length, 82);
    assert.deepEqual(body.tools, []);
  });
});
