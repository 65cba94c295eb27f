// The two spellings of an answer. The contents of Structs keep their keys.

const VERBATIM = new Set(["definition", "metadata", "data", "params", "api_config"]);

export function camelKeys(value) {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [
    key.replace(/_([a-z0-9])/g, (_, c) => c.toUpperCase()),
    VERBATIM.has(key) ? inner : camelKeys(inner),
  ]));
}

/** Leaves out what protojson leaves out when it does not emit zero values. */
export function withoutZeros(value) {
  const zero = (inner) => inner === "" || inner === 0 || inner === false ||
    (Array.isArray(inner) && inner.length === 0);
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => !zero(inner)));
}
