// Lints the OpenAPI document with Redocly's rules (redocly.yaml beside this file). An error and a warning both fail.
//
// node openapi.mjs BUILD/src/openapi.json

import { formatProblems, getTotals, lint, loadConfig } from "@redocly/openapi-core";
import { fileURLToPath } from "node:url";

const config = await loadConfig({ configPath: fileURLToPath(new URL("redocly.yaml", import.meta.url)) });
const problems = await lint({ ref: process.argv[2], config });
const totals = getTotals(problems);
formatProblems(problems, { format: "stylish", totals, version: "" });

// The rules do look: a document with a mistake is found out.
const broken = await lint({ ref: fileURLToPath(new URL("openapi-broken.json", import.meta.url)), config });
const missed = ["operation-operationId", "operation-4xx-response", "no-unresolved-refs"]
  .filter((rule) => !broken.some(({ ruleId }) => ruleId === rule));
if (missed.length) console.error(`openapi-broken.json: these rules found nothing: ${missed}`);
process.exitCode = totals.errors || totals.warnings || missed.length ? 1 : 0;
