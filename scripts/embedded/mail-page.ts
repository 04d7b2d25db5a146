// The pages of the mail catcher: plain HTML without a script. A mail's own HTML is shown in a sandboxed frame that
// may load nothing, so that what a mail contains cannot reach the page, the person's sessions, or the network.
import type { MailMessage } from "./mail-messages.ts";

/** `light` and `dark`: the mail's own HTML, for a reader that is set so. */
export const mailViews = { light: "Light", dark: "Dark", text: "Text", headers: "Headers" } as const;
export type MailView = keyof typeof mailViews;

/** Of the pages themselves. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** Of a mail's HTML in its frame. */
export const MAIL_POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1d22; --quiet: #6a6f7b; --line: #e3e4e8; --page: #f6f6f4; --card: #fff; --accent: #3b5bdb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9eaee; --quiet: #9aa0ad; --line: #2d3038; --page: #14161a; --card: #1c1f25; --accent: #8ea2ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 40px 20px 64px; }
header { display: flex; align-items: baseline; justify-content: space-between; gap: 16px; margin-bottom: 20px; }
h1 { font-size: 22px; margin: 0; letter-spacing: -0.01em; overflow-wrap: anywhere; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.quiet { color: var(--quiet); font-size: 13px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.empty { padding: 56px 24px; text-align: center; color: var(--quiet); }
ul { list-style: none; margin: 0; padding: 0; }
li + li { border-top: 1px solid var(--line); }
li a { display: grid; grid-template-columns: 1fr auto; gap: 2px 16px; padding: 14px 20px; color: inherit; }
li a:hover { background: color-mix(in srgb, var(--accent) 7%, transparent); text-decoration: none; }
li strong { font-weight: 600; overflow-wrap: anywhere; }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 16px; margin: 0; padding: 18px 20px; border-bottom: 1px solid var(--line); }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
nav { display: flex; gap: 16px; padding: 10px 20px; border-bottom: 1px solid var(--line); font-size: 14px; }
nav [aria-current] { color: var(--ink); font-weight: 600; }
iframe { display: block; width: 100%; height: 70vh; border: 0; }
iframe.light { background: #fff; }
iframe.dark { background: #121212; }
dl.headers { border: 0; font: 13px/1.6 ui-monospace, monospace; grid-template-columns: minmax(8rem, auto) 1fr; }
pre { margin: 0; padding: 20px; min-height: 30vh; white-space: pre-wrap; overflow-wrap: anywhere; font: 14px/1.6 ui-monospace, monospace; }
`;

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function page(title: string, refreshSeconds: number | undefined, body: string): string {
  const refresh =
    refreshSeconds === undefined ? "" : `<meta http-equiv="refresh" content="${refreshSeconds}">`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${refresh}
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`;
}

function timeTag(iso: string): string {
  const shown = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  return `<time class="quiet" datetime="${iso}">${shown}</time>`;
}

/** All mails, newest first; loads itself again every few seconds. */
export function listPage(messages: readonly MailMessage[]): string {
  const rows = messages.map(
    (message) => `<li><a href="/mail/${message.id}">
<strong>${escapeHtml(message.subject || "(no subject)")}</strong> ${timeTag(message.receivedAt)}
<span class="quiet">to ${escapeHtml(message.to.join(", "))}</span>
</a></li>`,
  );
  const list =
    rows.length === 0
      ? '<div class="card empty">No mail yet. Register an account, and its welcome mail appears here.</div>'
      : `<ul class="card">${rows.join("\n")}</ul>`;
  return page(
    "Mail",
    5,
    `<header><h1>Mail</h1><span class="quiet">kept on this machine, delivered to nobody</span></header>\n${list}`,
  );
}

/** One mail: as it looks, as text, or its headers. */
export function messagePage(message: MailMessage, view: MailView): string {
  const views = (Object.keys(mailViews) as MailView[]).filter((name) => message.html !== "" || !isLook(name));
  const tabs = views.map((name) =>
    name === view
      ? `<span aria-current="page">${mailViews[name]}</span>`
      : `<a href="/mail/${message.id}?view=${name}">${mailViews[name]}</a>`,
  );
  return page(
    message.subject || "(no subject)",
    undefined,
    `<header><h1>${escapeHtml(message.subject || "(no subject)")}</h1><a href="/mail">All mail</a></header>
<div class="card">
<dl><dt>From</dt><dd>${escapeHtml(message.from)}</dd><dt>To</dt><dd>${escapeHtml(message.to.join(", "))}</dd><dt>Received</dt><dd>${timeTag(message.receivedAt)}</dd></dl>
<nav>${tabs.join("")}</nav>
${contentOf(message, view)}
</div>`,
  );
}

/** Queries that are always true, and never. */
const [ALWAYS, NEVER] = ["(min-width: 0)", "(max-width: 0)"];

/** The HTML of a mail as a reader shows it that is set to `look`, whatever this browser is set to. */
export function seenIn(look: "light" | "dark", markup: string): string {
  const decided = markup.replaceAll(
    /\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)/gi,
    (_query, wanted: string) => (wanted.toLowerCase() === look ? ALWAYS : NEVER),
  );
  return `${decided}<style>:root { color-scheme: only ${look} !important; }</style>`;
}

const isLook = (view: MailView): boolean => view === "light" || view === "dark";

function contentOf({ id, text, headers }: MailMessage, view: MailView): string {
  if (isLook(view))
    return `<iframe class="${view}" title="The mail" sandbox src="/mail/${id}/html?for=${view}"></iframe>`;
  if (view === "text") return `<pre>${escapeHtml(text)}</pre>`;
  const rows = headers.map(({ name, value }) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`);
  return `<dl class="headers">${rows.join("")}</dl>`;
}
