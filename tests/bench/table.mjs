// Tables for a terminal.

/** Rows of objects, one column for each key of the first row, numbers to the right. */
export function table(title, rows, notes = []) {
  if (rows.length === 0) return;
  const columns = Object.keys(rows[0]);
  const cells = rows.map((row) => columns.map((name) => shown(row[name])));
  const widths = columns.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i].length)));
  const isNumber = columns.map((name) => rows.some((row) => typeof row[name] === "number"));
  const line = (row) => row.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i]) :
    cell.padEnd(widths[i]))).join("  ").trimEnd();
  print(`\n${title}`);
  print(`  ${line(columns)}`);
  print(`  ${widths.map((width) => "-".repeat(width)).join("  ")}`);
  for (const row of cells) print(`  ${line(row)}`);
  for (const note of notes) print(`  (${note})`);
}

export function pairs(title, values) {
  print(`\n${title}`);
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  for (const [name, value] of Object.entries(values)) print(`  ${name.padEnd(width)}  ${shown(value)}`);
}

export const print = (text) => process.stdout.write(`${text}\n`);

/** Says on stderr what is going on, so that stdout is the tables alone. */
export const say = (text) => process.stderr.write(`… ${text}\n`);

function shown(value) {
  if (value === undefined || value === null || Number.isNaN(value)) return "-";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 100) return grouped(Math.round(value));
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

/** The value below which `share` of the sorted numbers lie. */
export function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
