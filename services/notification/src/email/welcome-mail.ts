import { z } from "zod";

/** All that the template receives. */
export const welcomeContent = z.object({ username: z.string() });
export type WelcomeContent = z.infer<typeof welcomeContent>;

export type RenderedMail = { subject: string; text: string; html: string };

const TITLE = "Welcome to Sotto";
const KEYS =
  "Your messages are encrypted on your device, and only the devices of the people you write to can read them.";
const NO_COPY =
  "This also means that nobody can restore your messages for you: keep at least one device signed in, or make a backup.";

/** The mail to a new account, as text and as HTML. */
export function renderWelcomeMail({ username }: WelcomeContent): RenderedMail {
  const greeting = `Hello ${username},`;
  const opening = "Your account is ready.";
  const text = [greeting, opening, KEYS, NO_COPY, "If you did not register, you can ignore this mail."];
  const [first, ...rest] = text;
  const paragraphs = rest
    .map((line) => `<p style="margin:0 0 16px">${escapeHtml(line)}</p>`)
    .join("\n      ");
  return {
    subject: TITLE,
    text: `${text.join("\n\n")}\n`,
    html: `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>${TITLE}</title></head>
  <body style="margin:0;padding:32px 16px;background:#f4f4f2;color:#1d1f23;font:16px/1.5 system-ui,sans-serif">
    <div style="max-width:520px;margin:0 auto;padding:32px;background:#fff;border-radius:12px">
      <h1 style="margin:0 0 16px;font-size:22px">${escapeHtml(first ?? "")}</h1>
      ${paragraphs}
    </div>
  </body>
</html>
`,
  };
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
