// briefd-sandbox as a program.

import { HELP, parseArguments } from "./options.mjs";
import { startSandbox } from "./sandbox.mjs";

export async function main(given) {
  let options;
  try {
    options = parseArguments(given);
  } catch (error) {
    process.stderr.write(`briefd-sandbox: ${error.message}\nTry --help.\n`);
    process.exitCode = 64;
    return;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const sandbox = await startSandbox(options);
  const stop = () => sandbox.close().then(() => process.exit(0));
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  const ready = { ready: true, ...sandbox.urls, ...sandbox.credentials };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}
