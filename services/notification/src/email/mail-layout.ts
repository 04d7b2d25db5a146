import { html } from "hono/html";
import type { Language } from "./languages/choose-language.ts";

/** A mail in one language, as text and as HTML; `unsubscribe` is the address of the button of mail readers. */
export type RenderedMail = {
  readonly language: Language;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly unsubscribe?: string;
};

type Link = { readonly label: string; readonly url: string };

/** A paragraph; what is known, by name and value; or what the mail asks to do. */
export type Block =
  | string
  | { readonly facts: readonly (readonly [name: string, value: string])[] }
  | { readonly action: Link };

export type MailParts = {
  readonly language: Language;
  readonly subject: string;
  readonly preview: string;
  readonly greeting: string;
  readonly blocks: readonly Block[];
  readonly footer: string;
  readonly unsubscribe?: Link;
};

/**
 * The two forms of a mail, of the same words in the same order. Nothing in the parts is markup: whatever stands in the
 * HTML is escaped by the templates.
 */
export async function layOutMail(
  parts: MailParts,
): Promise<Pick<RenderedMail, "language" | "subject" | "text" | "html">> {
  const { language, subject } = parts;
  return { language, subject, text: asText(parts), html: String(await asHtml(parts)) };
}

function asText({ greeting, blocks, footer, unsubscribe }: MailParts): string {
  const foot = unsubscribe === undefined ? [footer] : [footer, linkText(unsubscribe)];
  // "-- " on a line of its own begins a signature (RFC 3676 section 4.3).
  return `${[greeting, ...blocks.map(blockText)].join("\n\n")}\n\n-- \n${foot.join("\n\n")}\n`;
}

function blockText(block: Block): string {
  if (typeof block === "string") return block;
  if ("action" in block) return linkText(block.action);
  return block.facts.map(([name, value]) => `${name}: ${value}`).join("\n");
}

const linkText = ({ label, url }: Link): string => `${label}:\n${url}`;

/**
 * Light by the attributes, which every reader shows; dark where the reader asks for it and heeds style sheets. Without
 * either it is plain text in the reader's own colours.
 */
const STYLE = html`
      :root { color-scheme: light dark; supported-color-schemes: light dark; }
      @media (prefers-color-scheme: dark) {
        .page { background: #14181b !important; }
        .card { background: #1c2226 !important; border-color: #343d45 !important; color: #e7ebee !important; }
        .soft { color: #9aa7b0 !important; }
        .soft a { color: #9aa7b0 !important; }
        .rule { border-color: #343d45 !important; }
        .button { background: #5fd0bd !important; color: #10211e !important; }
      }
      @media (max-width: 480px) { .card { padding: 24px 20px !important; } }`;

const FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

function asHtml({ language, subject, preview, greeting, blocks, footer, unsubscribe }: MailParts) {
  return html`<!doctype html>
<html lang="${language}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="supported-color-schemes" content="light dark">
    <title>${subject}</title>
    <style>${STYLE}
    </style>
  </head>
  <body class="page" style="margin:0;padding:0;background:#f3f5f5">
    <div style="display:none;max-height:0;overflow:hidden;font-size:1px;line-height:1px;opacity:0">${preview}</div>
    <div class="page" style="padding:32px 12px;background:#f3f5f5;${FONT};font-size:16px;line-height:1.55">
      <div class="card" style="max-width:488px;margin:0 auto;padding:32px;background:#ffffff;border:1px solid #dde2e5;border-radius:12px;color:#1d2327">
        <p style="margin:0 0 16px;font-weight:600;font-size:18px">${greeting}</p>
        ${blocks.map(blockHtml)}
        <div class="soft rule" style="margin:24px 0 0;padding:16px 0 0;border-top:1px solid #dde2e5;color:#5b6770;font-size:13px">
          <p style="margin:0">${footer}</p>
          ${unsubscribe ? html`<p style="margin:8px 0 0"><a href="${unsubscribe.url}" style="color:#5b6770">${unsubscribe.label}</a></p>` : ""}
        </div>
      </div>
    </div>
  </body>
</html>
`;
}

const PARAGRAPH = "margin:0 0 16px";

function blockHtml(block: Block) {
  if (typeof block === "string")
    return html`<p style="${PARAGRAPH}">${block}</p>
        `;
  if ("action" in block) return buttonHtml(block.action);
  const facts = block.facts.map(
    ([name, value], index) =>
      html`${index === 0 ? "" : html`<br>`}<span class="soft" style="color:#5b6770">${name}:</span> ${value}`,
  );
  return html`<p style="${PARAGRAPH}">${facts}</p>
        `;
}

/** The address stands under the button, so that it can be looked at, and copied where a button does nothing. */
function buttonHtml({ label, url }: Link) {
  return html`<p style="margin:24px 0 12px"><a class="button" href="${url}" style="display:inline-block;padding:12px 22px;border-radius:8px;background:#0b6b5d;color:#ffffff;font-weight:600;text-decoration:none">${label}</a></p>
        <p class="soft" style="margin:0 0 20px;color:#5b6770;font-size:13px;word-break:break-all;overflow-wrap:anywhere">${url}</p>
        `;
}
