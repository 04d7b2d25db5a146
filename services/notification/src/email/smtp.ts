import { createTransport } from "nodemailer";
import type { RenderedMail } from "./mail-layout.ts";

export type OutgoingMail = RenderedMail & {
  to: string;
  /** The same at every attempt: receivers recognise a repetition by it. */
  messageKey: string;
};

export interface Smtp {
  /** Resolves when the server has taken the mail over. Rejects with nodemailer's error otherwise. */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

/** The waits below, added up, stay below the sender's lease. */
const TIMEOUTS_MS = {
  dnsTimeout: 4000,
  connectionTimeout: 5000,
  greetingTimeout: 5000,
  socketTimeout: 12_000,
};

/** Mail goes to the server at `url`; `from` is an address, or Name <address>. */
export function createSmtp({ url, from }: { url: string; from: string }): Smtp {
  const transport = createTransport({
    url,
    ...TIMEOUTS_MS,
    // A template can then never make the server read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = /@([^@<>\s]+)>?$/.exec(from)?.[1] ?? "localhost";
  return {
    send: async ({ to, messageKey, subject, text, html }) => {
      await transport.sendMail({
        from,
        // Not as text: a comma in it would make two recipients.
        to: { name: "", address: to },
        subject,
        text,
        html,
        messageId: `<${messageKey}@${domain}>`,
        headers: { "Auto-Submitted": "auto-generated" },
      });
    },
    close: () => transport.close(),
  };
}
