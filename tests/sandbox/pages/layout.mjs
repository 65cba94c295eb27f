// The frame of every page that the sandbox shows to people: one column, light or dark.

export function escape(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

const STYLE = `
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1d2129; --soft: #5b6472;
  --line: #d9dde4; --accent: #3b4cca; --on-accent: #fff; --code: #eef0f4; --link: #1264a3; }
@media (prefers-color-scheme: dark) { :root { --back: #14161b; --card: #1e2129; --text: #e9ebf0;
  --soft: #a3acbb; --line: #363c48; --accent: #8d9bff; --on-accent: #12141b;
  --code: #2a2f3a; --link: #7cbcf5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 26rem; margin: 8vh auto 2rem; padding: 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 14px; }
main.wide { max-width: 46rem; margin: 1.5rem auto; padding: 0; overflow: hidden; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; }
.soft, small { color: var(--soft); }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
footer { max-width: 26rem; margin: 0 auto 2rem; padding: 0 1rem; text-align: center;
  color: var(--soft);
  font-size: .85rem; }
@media (max-width: 30rem) { main { margin: 0; border: 0; border-radius: 0; min-height: 80vh;
    padding: 1.5rem 1.25rem; }
  main.wide { margin: 0; } }
`;

export function layout({ title, body, style = "", wide = false }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}${style}</style>
</head>
<body>
<main${wide ? ' class="wide"' : ""}>
${body}
</main>
<footer>briefd sandbox: nothing here leaves this computer</footer>
</body>
</html>
`;
}
