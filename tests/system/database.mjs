// A look into the database file from outside, by Python's sqlite3: node 18 has none of its own.

import { execFileSync } from "node:child_process";

const SCRIPT = `
import json, sqlite3, sys
db = sqlite3.connect("file:" + sys.argv[1] + "?mode=" + sys.argv[3], uri=True)
rows = [list(row) for row in db.execute(sys.argv[2])]
db.commit()
print(json.dumps(rows))
`;

/** Rows of a question without parameters, as arrays. */
export const ask = (path, sql) => JSON.parse(
  execFileSync("python3", ["-c", SCRIPT, path, sql, "ro"], { encoding: "utf8" }));

/** A statement that changes something; nobody else may be writing. */
export const change = (path, sql) => {
  execFileSync("python3", ["-c", SCRIPT, path, sql, "rw"]);
};
