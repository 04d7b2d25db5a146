// The page at "/" until a web client takes its place: what runs, and how to begin.
import { createHash } from "node:crypto";

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2327; --soft: #5b6770; --line: #d9dee2; --ground: #f7f8f8;
  --card: #fff; --accent: #0b6b5d; --good: #1a7f4b; --bad: #b3261e; --wait: #9a6a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebee; --soft: #9aa7b0; --line: #2d353b;
  --ground: #14181b; --card: #1c2226; --accent: #5fd0bd; --good: #58c98b; --bad: #ff8a80; --wait: #e5b454; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 3.5rem 1.25rem 4rem; }
h1 { font-size: 2rem; line-height: 1.15; margin: 0; letter-spacing: -0.02em; }
h2 { font-size: 1rem; margin: 2.5rem 0 0.75rem; }
p { margin: 0.5rem 0 0; color: var(--soft); max-width: 60ch; }
a { color: var(--accent); }
a:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.6rem;
  grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); }
li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.7rem 0.9rem;
  display: flex; align-items: baseline; justify-content: space-between; gap: 0.75rem; }
li span { color: var(--soft); font-size: 0.875rem; }
li[data-status="ready"] span { color: var(--good); }
li[data-status="not ready"] span { color: var(--wait); }
li[data-status="down"] span { color: var(--bad); }
.snippet { position: relative; }
pre { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1rem 1.1rem; overflow-x: auto; font: 0.875rem/1.6 ui-monospace, monospace; }
button { position: absolute; top: 0.6rem; right: 0.6rem; font: inherit; font-size: 0.8125rem; color: var(--ink);
  background: var(--ground); border: 1px solid var(--line); border-radius: 7px; padding: 0.2rem 0.65rem; cursor: pointer; }
nav a { display: inline-block; margin: 0 1.25rem 0.4rem 0; }
`;

const SCRIPT = `
const list = document.getElementById("parts");
const summary = document.getElementById("summary");
function row(part) {
  const item = document.createElement("li");
  item.dataset.status = part.status;
  const name = document.createElement("strong");
  name.textContent = part.name;
  const state = document.createElement("span");
  state.textContent = part.failing.length ? part.status + ": " + part.failing.join(", ") : part.status;
  item.append(name, state);
  return item;
}
async function refresh() {
  try {
    const { parts } = await (await fetch("/status.json")).json();
    list.replaceChildren(...parts.map(row));
    const waiting = parts.filter((part) => part.status !== "ready").length;
    summary.textContent = waiting ? waiting + " of " + parts.length + " parts are not ready." : "Every part is ready.";
  } catch {
    summary.textContent = "The gateway does not answer. Is Sotto still running?";
  }
  setTimeout(refresh, 2000);
}
document.getElementById("copy").addEventListener("click", async (event) => {
  await navigator.clipboard.writeText(document.getElementById("code").textContent);
  event.target.textContent = "Copied";
  setTimeout(() => { event.target.textContent = "Copy"; }, 1500);
});
refresh();
`;

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function snippet(publicUrl: string): string {
  return `import { createClient, sqliteStore } from "@sotto/client";

const alice = await createClient({ url: "${publicUrl}", store: sqliteStore("alice.db") });
await alice.register({ username: "alice", email: "alice@example.org", password: "a long sentence of yours" });

const chat = await alice.conversations.direct("bob");
const sent = await chat.send({ text: "hi" });
await sent.accepted;

for await (const message of alice.messages()) console.log(message.sender, message.text);`;
}

function body(publicUrl: string): string {
  return `<main>
<h1>Sotto is running</h1>
<p>A chat back end whose server cannot read the chats. This page is the development gateway; the address for clients is
<a href="${escapeHtml(publicUrl)}">${escapeHtml(publicUrl)}</a>.</p>
<h2>Parts</h2>
<ul id="parts"></ul>
<p id="summary" role="status">Asking the parts…</p>
<h2>Begin with the SDK</h2>
<div class="snippet"><button id="copy" type="button">Copy</button><pre><code id="code">${escapeHtml(snippet(publicUrl))}</code></pre></div>
<p>Or run <code>npm run demo</code> in a second terminal: two people on two nodes, one of which is killed.</p>
<h2>Look further</h2>
<nav><a href="/mail">Mail that was sent</a>
<a href="/api/docs">API reference</a></nav>
</main>`;
}

export interface StatusPage {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

/** The page, with a policy that lets run nothing but its own script and style. */
export function createStatusPage(publicUrl: string): StatusPage {
  const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return {
    html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sotto</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body>${body(publicUrl)}<script>${SCRIPT}</script></body></html>`,
    contentSecurityPolicy:
      `default-src 'none'; script-src ${hashOf(SCRIPT)}; style-src ${hashOf(STYLE)}; connect-src 'self'; ` +
      "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
}
