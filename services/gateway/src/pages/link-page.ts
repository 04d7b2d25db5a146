// The pages behind the links in mails, until the web client brings its own: they take the token out of the fragment,
// which no browser sends to a server, and post it.
import { createHash } from "node:crypto";

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2327; --soft: #5b6770; --line: #c4cbd1; --ground: #f7f8f8;
  --card: #fff; --accent: #0b6b5d; --on-accent: #fff; --bad: #b3261e; --good: #1a7f4b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebee; --soft: #9aa7b0; --line: #3b454e;
  --ground: #14181b; --card: #1c2226; --accent: #5fd0bd; --on-accent: #10211e; --bad: #ff8a80; --good: #58c98b; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100dvh; display: grid; place-items: center; padding: 1.25rem; background: var(--ground);
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 2rem 1.5rem; }
h1 { font-size: 1.375rem; line-height: 1.25; margin: 0 0 0.5rem; }
p { margin: 0 0 1.25rem; color: var(--soft); }
label { display: block; font-weight: 600; margin: 0 0 0.375rem; }
input[type="password"], input[type="text"] { width: 100%; font: inherit; color: inherit; background: var(--ground);
  border: 1px solid var(--line); border-radius: 8px; padding: 0.7rem 0.8rem; margin: 0 0 0.75rem; }
.reveal { display: flex; gap: 0.5rem; align-items: center; font-weight: 400; margin: 0 0 1.25rem; }
.reveal input { width: 1.125rem; height: 1.125rem; accent-color: var(--accent); }
button { width: 100%; font: inherit; font-weight: 600; color: var(--on-accent); background: var(--accent); border: 0;
  border-radius: 8px; padding: 0.8rem 1rem; cursor: pointer; }
button:disabled { opacity: 0.6; cursor: progress; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#result { margin: 1rem 0 0; color: var(--ink); white-space: pre-line; }
#result:empty { display: none; }
#result[data-kind="bad"] { color: var(--bad); }
#result[data-kind="good"] { color: var(--good); }
[hidden] { display: none; }
`;

/** `text` of the answers that a person can do something about; all others say to try again. */
const SCRIPT = `
const form = document.querySelector("form");
const button = form.querySelector("button");
const result = document.getElementById("result");
const password = document.getElementById("password");
const token = new URLSearchParams(location.hash.slice(1)).get("token");
// Out of the address bar and of what is synchronised from it.
history.replaceState(null, "", location.pathname);
// Another link in the same window changes the fragment alone.
addEventListener("hashchange", () => location.reload());
function tell(kind, text) {
  result.dataset.kind = kind;
  result.textContent = text;
}
function explain(problem) {
  if (problem.code === "challenge_invalid" || problem.code === "bad_request" && !password)
    return form.dataset.invalid;
  if (problem.code === "weak_password")
    return ["This password is guessed too easily.", problem.details.warning, ...problem.details.suggestions]
      .filter(Boolean).join("\\n");
  if (problem.code === "bad_request") return "The password needs 12 to 256 characters.";
  if (problem.code === "rate_limited") return "Too many tries. Wait a few minutes, then try again.";
  return "That did not work. Try again in a moment.";
}
function postJson(body) {
  const headers = { "Content-Type": "application/json" };
  return fetch(form.dataset.action, { method: "POST", credentials: "omit", headers, body: JSON.stringify(body) });
}
// As mail readers do it by themselves (RFC 8058).
function unsubscribe() {
  const address = form.dataset.action + "?token=" + encodeURIComponent(token);
  const body = new URLSearchParams({ "List-Unsubscribe": "One-Click" });
  return fetch(address, { method: "POST", credentials: "omit", body });
}
async function send() {
  const answer = "unsubscribe" in form.dataset ? await unsubscribe()
    : await postJson(password ? { token, newPassword: password.value } : { token });
  if (answer.ok) {
    form.hidden = true;
    tell("good", form.dataset.done);
  } else tell("bad", explain(await answer.json()));
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  try {
    await send();
  } catch {
    tell("bad", "The server does not answer. Try again in a moment.");
  }
  button.disabled = false;
});
document.getElementById("reveal")?.addEventListener("change", (event) => {
  password.type = event.target.checked ? "text" : "password";
});
if (!token) {
  form.hidden = true;
  tell("bad", "This address is not complete. Open the link in the mail again.");
}
`;

type Page = {
  readonly title: string;
  readonly lead: string;
  /** The address that takes the token. */
  readonly action: string;
  /** Attributes of the form that say how the token is sent, when not as JSON. */
  readonly sending?: string;
  readonly fields: string;
  readonly button: string;
  readonly done: string;
  /** When the token is none. */
  readonly invalid: string;
};

const USED_UP = "This link has been used, replaced, or is too old. Ask for a new one.";

const VERIFY: Page = {
  title: "Confirm your e-mail address",
  lead: "One more step: confirm that the mail reached you.",
  action: "/api/user/email/verify",
  fields: "",
  button: "Confirm this address",
  done: "Your address is confirmed. You can close this page.",
  invalid: USED_UP,
};

const RESET: Page = {
  title: "Choose a new password",
  lead: "At least 12 characters; a sentence of your own is good. All your sessions end.",
  action: "/api/user/password/reset",
  fields: `<label for="password">New password</label>
<input id="password" type="password" autocomplete="new-password" minlength="12" maxlength="256" required autofocus>
<label class="reveal"><input id="reveal" type="checkbox"> Show the password</label>`,
  button: "Save the new password",
  done: "Your password is the new one. Sign in with it. You can close this page.",
  invalid: USED_UP,
};

const UNSUBSCRIBE: Page = {
  title: "Stop mails about waiting messages",
  lead: "You will get no more mails that tell how many messages wait for you. Mails about the safety of your account still come.",
  action: "/api/notifications/unsubscribe",
  sending: " data-unsubscribe",
  fields: "",
  button: "Stop these mails",
  done: "You will get no more of these mails. You can switch them on again in your settings, and close this page.",
  invalid:
    "This link does not work any more. Open the one in a newer mail, or switch the mails off in your settings.",
};

function render({ title, lead, action, sending = "", fields, button, done, invalid }: Page): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Sotto</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
<form data-action="${action}" data-done="${done}" data-invalid="${invalid}"${sending}><p>${lead}</p>${fields}
<button type="submit">${button}</button></form>
<p id="result" role="status"></p>
<noscript><p>This page needs JavaScript: the link's secret stays in your browser until you confirm.</p></noscript>
</main><script>${SCRIPT}</script></body></html>`;
}

export type LinkPage = { readonly html: string; readonly headers: Readonly<Record<string, string>> };

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Nothing but the page's own script and style runs, and it speaks to its own origin alone. */
const HEADERS = {
  "Content-Security-Policy":
    `default-src 'none'; script-src ${hashOf(SCRIPT)}; style-src ${hashOf(STYLE)}; connect-src 'self'; ` +
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
};

/** Pages by their path. */
export const linkPages: ReadonlyMap<string, LinkPage> = new Map([
  ["/verify-email", { html: render(VERIFY), headers: HEADERS }],
  ["/reset-password", { html: render(RESET), headers: HEADERS }],
  ["/unsubscribe", { html: render(UNSUBSCRIBE), headers: HEADERS }],
]);
