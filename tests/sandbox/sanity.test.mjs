import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { useSandbox } from "./testing.mjs";

const sandbox = useSandbox();
const DAY = 24 * 3600_000;
const age = ({ _updatedAt }) => Date.now() - Date.parse(_updatedAt);

async function ask(tool, params = {}, identifier = "ada") {
  const { status, body } = await sandbox.tool(`sanitymcp_${tool}`, params, { identifier });
  assert.equal(status, 200);
  assert.equal(typeof body.data.result, "string");
  return body.data.isError ? body.data : JSON.parse(body.data.result);
}

async function resourceOf(identifier = "ada") {
  const projects = await ask("list_projects", {}, identifier);
  const { id } = projects.find(({ displayName }) => displayName === "newsroom");
  return { projectId: id, dataset: "production" };
}

describe("Sanity", () => {
  beforeEach(() => sandbox.connect("sanitymcp-sandbox"));

  it("hides drafts and versions unless the perspective shows them", async () => {
    const resource = await resourceOf();
    const ids = async (perspective) => (await ask("query_documents",
      { query: "*[]._id", resource, ...(perspective && { perspective }) }));
    const hidden = /^(drafts|versions)\./;
    assert.ok(!(await ids()).some((id) => hidden.test(id)));
    assert.ok((await ids("raw")).some((id) => hidden.test(id)));
    assert.ok((await ids("previewDrafts")).length > (await ids("published")).length);
  });

  it("has fresh and stale drafts, recent publications and scheduled releases", async () => {
    const resource = await resourceOf();
    const drafts = await ask("query_documents", { resource, perspective: "raw",
      query: '*[_id in path("drafts.**")] | order(_updatedAt desc)[0...25]{_id,_type,title,_updatedAt}' });
    assert.ok(drafts.some((d) => age(d) > 14 * DAY));
    assert.ok(drafts.some((d) => age(d) < 14 * DAY));
    assert.deepEqual(drafts.map(age), drafts.map(age).sort((a, b) => a - b));
    const recent = await ask("query_documents", { resource, perspective: "published",
      query: "*[dateTime(_updatedAt) > dateTime(now()) - 60*60*24*7]{title}" });
    assert.ok(recent.length >= 3);
    const releases = await ask("list_releases", { resource });
    const scheduled = releases.filter(({ metadata }) => metadata.releaseType === "scheduled");
    assert.ok(scheduled.every(({ metadata }) => Date.parse(metadata.intendedPublishAt) > Date.now()));
    assert.equal(scheduled.length, 2);
  });

  it("takes parameters, a limit, and one result alone", async () => {
    const resource = await resourceOf();
    const query = "*[_type == $type]{title}";
    const params = { type: "article" };
    const all = await ask("query_documents", { resource, query, params });
    assert.ok(all.length > 2);
    assert.deepEqual(await ask("query_documents", { resource, query, params, limit: 2 }), all.slice(0, 2));
    assert.deepEqual(await ask("query_documents", { resource, query, params, single: true }), all[0]);
  });

  it("is another for every user, and closed to others", async () => {
    await sandbox.connect("sanitymcp-sandbox", "bo");
    const [ada, bo] = [await resourceOf("ada"), await resourceOf("bo")];
    assert.notEqual(ada.projectId, bo.projectId);
    const titles = async (who, resource) => ask("query_documents", { query: "*[].title", resource }, who);
    const [ofAda, ofBo] = [await titles("ada", ada), await titles("bo", bo)];
    assert.ok(!ofAda.some((title) => title && ofBo.includes(title)));
    assert.equal((await titles("ada", bo)).isError, true);
  });

  it("reports failures as MCP does, inside a 200", async () => {
    const resource = await resourceOf();
    for (const params of [{ query: "*[", resource }, { query: "*" }, { query: "*", resource, perspective: "all" },
      { query: "*", resource: { ...resource, dataset: "nowhere" } }]) {
      assert.equal((await ask("query_documents", params)).isError, true, JSON.stringify(params));
    }
  });

  it("gives text, a value, or content blocks, as the variant says", async () => {
    const shapes = { native: (data) => Array.isArray(data.result), mcp: (data) => data.content[0].type === "text" };
    for (const [mcp_result, fits] of Object.entries(shapes)) {
      await sandbox.control("POST", "/variants", { mcp_result });
      assert.ok(fits((await sandbox.tool("sanitymcp_list_projects")).body.data), mcp_result);
    }
  });

  it("can be filled by the control port", async () => {
    await sandbox.control("POST", "/sanity", { identifier: "ada", documents: [
      { _id: "drafts.x", _type: "article", title: "Only one", _updatedAt: "2026-01-01T00:00:00Z" }] });
    const resource = await resourceOf();
    assert.deepEqual(await ask("query_documents", { query: "*[].title", resource, perspective: "raw" }),
      ["Only one"]);
  });
});
