export type RenderedMail = { subject: string; text: string; html: string };

export type MailParts = {
  subject: string;
  greeting: string;
  /** Paragraphs of plain text. */
  before: readonly string[];
  /** What the mail asks to do; `url` stands in the text as it is. */
  action?: { label: string; url: string };
  after?: readonly string[];
};

/** A mail as plain text and as HTML, with the same words. Nothing in the parts is markup. */
export function layOutMail({ subject, greeting, before, action, after = [] }: MailParts): RenderedMail {
  const text = [greeting, ...before, ...(action ? [`${action.label}:\n${action.url}`] : []), ...after];
  const body = [...before.map(paragraph), ...(action ? [button(action)] : []), ...after.map(paragraph)];
  return {
    subject,
    text: `${text.join("\n\n")}\n`,
    html: `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>
  <body style="margin:0;padding:32px 16px;background:#f4f4f2;color:#1d1f23;font:16px/1.5 system-ui,sans-serif">
    <div style="max-width:520px;margin:0 auto;padding:32px;background:#fff;border-radius:12px">
      <h1 style="margin:0 0 16px;font-size:22px">${escapeHtml(greeting)}</h1>
      ${body.join("\n      ")}
    </div>
  </body>
</html>
`,
  };
}

function paragraph(text: string): string {
  return `<p style="margin:0 0 16px">${escapeHtml(text).replaceAll("\n", "<br>")}</p>`;
}

function button({ label, url }: { label: string; url: string }): string {
  const style =
    "display:inline-block;padding:12px 20px;border-radius:8px;background:#0b6b5d;color:#fff;text-decoration:none";
  return (
    `<p style="margin:0 0 16px"><a href="${escapeHtml(url)}" style="${style}">${escapeHtml(label)}</a></p>\n      ` +
    `<p style="margin:0 0 16px;font-size:13px;word-break:break-all">${escapeHtml(url)}</p>`
  );
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
