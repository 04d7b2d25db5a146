// The page at "/api/docs": what each service answers to, as its own OpenAPI document says.
import { createHash } from "node:crypto";
import { assetPath } from "./docs-assets.ts";

/** The services that describe themselves, in the order of the chooser. */
const SERVICES = [
  { name: "user", title: "Accounts" },
  { name: "chat", title: "Chat" },
  { name: "notifications", title: "Notifications" },
] as const;

/** On top of swagger-ui's own style, which knows `html.dark-mode`. */
const STYLE = `
:root { color-scheme: light dark; --ink: #1d2327; --line: #d9dee2; --ground: #f7f8f8; --accent: #0b6b5d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebee; --line: #2d353b; --ground: #14181b; --accent: #5fd0bd; } }
body { margin: 0; background: var(--ground); color: var(--ink); }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.5rem 1.5rem; max-width: 1460px; margin: 0 auto;
  padding: 1.25rem 20px 0; font: 16px/1.5 system-ui, sans-serif; box-sizing: border-box; }
header h1 { font-size: 1.25rem; margin: 0; }
header nav { display: flex; flex-wrap: wrap; gap: 0.25rem; }
header nav a { color: var(--ink); text-decoration: none; border: 1px solid var(--line); border-radius: 7px;
  padding: 0.2rem 0.7rem; font-size: 0.9375rem; }
header nav a[aria-current="page"] { border-color: var(--accent); color: var(--accent); }
header a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
header p { margin: 0; font-size: 0.875rem; }
header p a { color: var(--accent); }
.swagger-ui .scheme-container, .swagger-ui .info .link, .swagger-ui .response-col_links { display: none; }
html.dark-mode .swagger-ui { background: transparent; }
.swagger-ui .info { margin: 1.5rem 0; }
.swagger-ui .opblock-tag { overflow-wrap: anywhere; }
@media (max-width: 640px) {
  .swagger-ui .opblock .opblock-summary-control { flex-wrap: nowrap; min-width: 0; }
  .swagger-ui .opblock .opblock-summary-method { min-width: 64px; }
  .swagger-ui .opblock .opblock-summary-path-description-wrapper { min-width: 0; flex: 1 1 0; display: block; }
  .swagger-ui .opblock .opblock-summary-path { max-width: 100%; overflow-wrap: anywhere; }
}
`;

const SCRIPT = `
const services = ${JSON.stringify(SERVICES.map(({ name }) => name))};
const asked = new URLSearchParams(location.search).get("service");
const service = services.includes(asked) ? asked : services[0];
document.querySelector('nav a[data-service="' + service + '"]').setAttribute("aria-current", "page");
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({
  url: "/api/" + service + "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayOperationId: false,
  // Nothing is tried out from here, and nothing is asked of a validator elsewhere.
  supportedSubmitMethods: [],
  validatorUrl: null,
});
`;

const body = `<header><h1>Sotto API</h1>
<nav aria-label="Services">${SERVICES.map(({ name, title }) => `<a data-service="${name}" href="?service=${name}">${title}</a>`).join("")}</nav>
<p><a href="/">Status</a></p></header>
<div id="reference"></div>`;

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page, with a policy that lets run and load nothing but what this gateway serves. */
export const docsPage = {
  html: `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sotto API</title><link rel="icon" href="data:,"><link rel="stylesheet" href="${assetPath("swagger-ui.css")}">
<style>${STYLE}</style></head>
<body>${body}<script src="${assetPath("swagger-ui-bundle.js")}"></script><script>${SCRIPT}</script></body></html>`,
  contentSecurityPolicy:
    `default-src 'none'; script-src 'self' ${hashOf(SCRIPT)}; style-src 'self' ${hashOf(STYLE)}; connect-src 'self'; ` +
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
} as const;
