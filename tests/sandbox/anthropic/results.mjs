// Reading tool results, which come wrapped in every way: a JSON value, {"data": …}, {"result": "<JSON
// text>"}, {"array": […]}, an object with one list in it, JSON that was cut off, or plain words.

const WRAPPERS = ["data", "result", "results", "array", "items", "documents", "releases", "projects",
  "issues", "content"];

const readings = new WeakMap();

/** {rows, error} of a call's result, read once; error is null for a result that can be used. */
export function readingOf(result) {
  let reading = readings.get(result);
  if (!reading) {
    const rows = rowsOf(result.text);
    const error = result.isError ? result.text :
      hiddenError(result.text) ?? (rows ? null : "the result makes no sense");
    reading = { rows, error };
    readings.set(result, reading);
  }
  return reading;
}

/** The rows of a result: a list of objects, empty if there are none; null if it makes no sense. */
export function rowsOf(text) {
  const value = jsonOf(text);
  if (value === undefined) {
    const rescued = objectsIn(text);
    return rescued.length > 0 ? rescued : null;
  }
  return listIn(value, 0);
}

/** The error that hides inside a result that claims success, or null. */
export function hiddenError(text) {
  const value = jsonOf(text);
  if (value === null || typeof value !== "object") return null;
  if (value.ok === false || value.isError === true || typeof value.error === "string") {
    return String(value.error ?? "the tool reported an error");
  }
  return null;
}

function jsonOf(text) {
  const from = text.search(/[[{]/);
  for (const candidate of [text, from > 0 ? text.slice(from) : ""]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

function listIn(value, depth) {
  if (depth > 6) return null;
  if (typeof value === "string") {
    const inner = jsonOf(value);
    return inner === undefined || typeof inner === "string" ? null : listIn(inner, depth + 1);
  }
  if (Array.isArray(value)) {
    // Text blocks of an MCP server: the rows are inside the text.
    if (value.length > 0 && value.every((v) => v?.type === "text")) {
      return listIn(value.map((v) => v.text).join("\n"), depth + 1);
    }
    return value.filter((row) => row !== null && typeof row === "object");
  }
  if (value === null || typeof value !== "object") return null;
  for (const key of WRAPPERS) {
    if (value[key] === undefined) continue;
    const rows = listIn(value[key], depth + 1);
    if (rows) return rows;
  }
  const lists = Object.values(value).filter(Array.isArray);
  return lists.length === 1 ? listIn(lists[0], depth + 1) : null;
}

/** Whole objects inside a text that is not JSON any more, such as a list that was cut off. */
function objectsIn(text) {
  const rows = [];
  for (let from = text.indexOf("{"); from >= 0 && rows.length < 500;) {
    const end = endOfObject(text, from);
    if (end < 0) {
      from = text.indexOf("{", from + 1);
      continue;
    }
    try {
      rows.push(JSON.parse(text.slice(from, end)));
    } catch {
      // Braces in prose.
    }
    from = text.indexOf("{", end);
  }
  return rows;
}

function endOfObject(text, from) {
  let depth = 0;
  for (let i = from; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      i = endOfString(text, i);
      if (i < 0) return -1;
    } else if (c === "{") {
      depth++;
    } else if (c === "}" && --depth === 0) {
      return i + 1;
    }
  }
  return -1;
}

function endOfString(text, from) {
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === '"') return i;
  }
  return -1;
}
