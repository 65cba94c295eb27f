// What each model accepts. One row a model; the validator and GET /v1/models read nothing else.

const ALL = ["low", "medium", "high", "xhigh", "max"];
const UP_TO_HIGH = ["low", "medium", "high"];
const CURRENT = {
  maxInput: 1_000_000, maxOutput: 128_000, effort: ALL, minCached: 512, thinks: true,
  display: "omitted", thinking: ["adaptive"], forcedTools: false, prefill: false,
  bound: true, sampling: false, systemRole: true, lifecycle: "active",
  deprecated: null, retires: null,
};
const LEGACY = { ...CURRENT, bound: false, forcedTools: true, minCached: 1024 };
const OLD = {
  ...LEGACY, maxInput: 200_000, maxOutput: 64_000, effort: [], thinks: false,
  display: "summarized", thinking: ["disabled", "enabled"], prefill: true, sampling: true,
  systemRole: false,
};

const ROWS = [
  ["claude-sonnet-5-5", "Claude Sonnet 5.5", "2026-09-28",
    { ...CURRENT, thinking: ["adaptive", "between_tools"], retires: "2027-09-28" }],
  ["claude-opus-5-5", "Claude Opus 5.5", "2026-09-22", { ...CURRENT, retires: "2027-09-22" }],
  ["claude-haiku-5-5", "Claude Haiku 5.5", "2026-10-07", { ...CURRENT, forcedTools: true,
    minCached: 1024, thinking: ["adaptive", "disabled"], systemRole: false,
    retires: "2027-10-07" }],
  ["claude-fable-5-2", "Claude Fable 5.2", "2026-11-09", CURRENT],
  ["claude-mythos-5-2", "Claude Mythos 5.2", "2026-11-09", CURRENT],
  ["claude-fable-5-1", "Claude Fable 5.1", "2026-09-01", { ...CURRENT, retires: "2027-09-01" }],
  ["claude-mythos-5-1", "Claude Mythos 5.1", "2026-09-01", CURRENT],
  ["claude-fable-5", "Claude Fable 5", "2026-07-01", { ...LEGACY, minCached: 512 }],
  ["claude-mythos-5", "Claude Mythos 5", "2026-07-01", { ...LEGACY, minCached: 512 }],
  ["claude-opus-5", "Claude Opus 5", "2026-07-24", { ...LEGACY, minCached: 512,
    thinking: ["adaptive", "disabled"], retires: "2027-07-24" }],
  ["claude-sonnet-5", "Claude Sonnet 5", "2026-06-30", { ...LEGACY, systemRole: false,
    thinking: ["adaptive", "disabled"], retires: "2027-06-30" }],
  ["claude-opus-4-8", "Claude Opus 4.8", "2026-05-01", { ...LEGACY,
    thinking: ["adaptive", "disabled"] }],
  ["claude-opus-4-7", "Claude Opus 4.7", "2026-04-01", { ...LEGACY, minCached: 2048,
    systemRole: false, thinking: ["adaptive", "disabled"] }],
  ["claude-opus-4-6", "Claude Opus 4.6", "2026-02-05", { ...LEGACY, minCached: 4096,
    systemRole: false, thinks: false, sampling: true, display: "summarized",
    thinking: ["adaptive", "disabled", "enabled"], retires: "2027-02-05" }],
  ["claude-sonnet-4-6", "Claude Sonnet 4.6", "2026-02-17", { ...LEGACY, maxOutput: 64_000,
    systemRole: false, thinks: false, sampling: true, display: "summarized",
    thinking: ["adaptive", "disabled", "enabled"], retires: "2027-02-17" }],
  ["claude-haiku-4-5-20251001", "Claude Haiku 4.5", "2025-10-01",
    { ...OLD, minCached: 4096, retires: "2026-10-15" }],
  ["claude-opus-4-5-20251101", "Claude Opus 4.5", "2025-11-01",
    { ...OLD, minCached: 4096, effort: UP_TO_HIGH, retires: "2026-11-24" }],
  ["claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "2025-09-29",
    { ...OLD, lifecycle: "deprecated", deprecated: "2026-09-30", retires: "2026-11-30" }],
  ["claude-opus-4-1-20250805", "Claude Opus 4.1", "2025-08-05",
    { ...OLD, lifecycle: "retired", retires: "2026-08-05" }],
  ["claude-sonnet-4-20250514", "Claude Sonnet 4", "2025-05-14",
    { ...OLD, lifecycle: "retired", deprecated: "2026-04-14", retires: "2026-06-15" }],
  ["claude-opus-4-20250514", "Claude Opus 4", "2025-05-14",
    { ...OLD, lifecycle: "retired", deprecated: "2026-04-14", retires: "2026-06-15" }],
];

const MODELS = new Map(ROWS.map(([id, name, created, row]) => [id, { id, name, created, ...row }]));
const ALIASES = new Map([...MODELS.keys()].filter((id) => /-\d{8}$/.test(id))
  .map((id) => [id.replace(/-\d{8}$/, ""), id]));

/** The row of a model that still answers, by id or alias; null otherwise. */
export function usableModel(id) {
  const row = anyModel(id);
  return row && row.lifecycle !== "retired" ? row : null;
}

/** The row of any known model, retired ones too. */
export function anyModel(id) {
  return MODELS.get(id) ?? MODELS.get(ALIASES.get(id)) ?? null;
}

/** Model objects as GET /v1/models lists them: newest first. */
export function listModels(lifecycles = ["active", "deprecated"]) {
  return [...MODELS.values()].filter((row) => lifecycles.includes(row.lifecycle))
    .sort((a, b) => (a.created < b.created ? 1 : -1)).map(modelInfo);
}

const supported = (yes) => ({ supported: yes });
const midnight = (date) => (date === null ? null : `${date}T00:00:00Z`);

export function modelInfo(row) {
  const efforts = Object.fromEntries(ALL.map((e) => [e, supported(row.effort.includes(e))]));
  const kinds = ["adaptive", "between_tools", "disabled", "enabled"]
    .map((k) => [k, supported(row.thinking.includes(k))]);
  return {
    type: "model",
    id: row.id,
    display_name: row.name,
    created_at: midnight(row.created),
    deprecated_at: midnight(row.deprecated),
    retires_at: midnight(row.retires),
    lifecycle: row.lifecycle,
    line: /^claude-([a-z]+)/.exec(row.id)[1],
    max_input_tokens: row.maxInput,
    max_tokens: row.maxOutput,
    capabilities: {
      batch: supported(true),
      citations: supported(true),
      code_execution: supported(true),
      context_management: { supported: true, clear_thinking_20251015: supported(true),
        clear_tool_uses_20250919: supported(true), compact_20260112: supported(true) },
      effort: { supported: row.effort.length > 0, ...efforts },
      image_input: supported(true),
      pdf_input: supported(true),
      server_tools: { supported: true, code_execution: supported(true),
        web_search: supported(true) },
      structured_outputs: supported(true),
      thinking: { supported: true, types: Object.fromEntries(kinds) },
    },
  };
}
