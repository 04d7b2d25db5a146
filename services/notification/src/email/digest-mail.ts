import type { MailContent } from "./mail-kinds.ts";
import { layOutMail, type RenderedMail } from "./mail-layout.ts";

/** The mail that says how many messages wait, and nothing of them. */
export function renderDigestMail({ waiting }: MailContent<"digest">, publicUrl: string): RenderedMail {
  const count = waiting === 1 ? "1 message waits" : `${waiting} messages wait`;
  return layOutMail({
    subject: `${count} for you`,
    greeting: "Hello,",
    before: [`${count} for you.`],
    action: { label: "Open Sotto", url: publicUrl },
  });
}
