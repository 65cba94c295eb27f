// Reporter for node's test runner: one TAP line for each test, however deeply it is nested, so that
// meson counts node's tests one by one like those in C. Suites are not tests and print nothing,
// unless they fail by themselves (a hook).

const line = (text) => text.replace(/[#\r\n]+/g, ' ').trim();

function comment(text) {
  return String(text).split('\n').map((row) => `# ${row}\n`).join('');
}

function story(error) {
  const cause = error?.cause ?? error;
  return cause?.stack ?? String(cause?.message ?? cause);
}

export default async function* flatTap(source) {
  const names = [];
  let count = 0;
  yield 'TAP version 13\n';
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      names.length = data.nesting;
      names.push(data.name);
      continue;
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;

    const isSuite = data.details?.type === 'suite';
    const error = data.details?.error;
    const ownFailure = type === 'test:fail' && error?.failureType !== 'subtestsFailed';
    if (isSuite && !ownFailure) continue;

    count += 1;
    const name = line([...names.slice(0, data.nesting), data.name].join(' > '));
    let directive = '';
    if (data.skip !== undefined) directive = ` # SKIP ${line(String(data.skip))}`;
    else if (data.todo !== undefined) directive = ` # TODO ${line(String(data.todo))}`;
    yield `${type === 'test:pass' ? 'ok' : 'not ok'} ${count} - ${name}${directive}\n`;
    if (type === 'test:fail') yield comment(story(error));
  }
  yield `1..${count}\n`;
}
