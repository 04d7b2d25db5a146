import { createTransport } from "nodemailer";
import type { RenderedMail } from "./mail-layout.ts";

export type OutgoingMail = RenderedMail & {
  to: string;
  /** The same at every attempt: receivers recognise a repetition by it. */
  messageKey: string;
};

export interface Smtp {
  /** Resolves when the server has taken the mail over. Rejects with nodemailer's error otherwise, within 25 s. */
  send(mail: OutgoingMail): Promise<void>;
  close(): void;
}

/** A private RSA key in PEM: nodemailer signs by `rsa-sha256` (RFC 6376 section 3.3.1) alone. */
export type Dkim = { readonly domain: string; readonly selector: string; readonly privateKey: string };

export type SmtpOptions = {
  /** `smtp://` or `smtps://`, with the user and password of the server. */
  readonly url: string;
  /** An address, or Name <address>. */
  readonly from: string;
  /** Nothing is said to a server that does not offer STARTTLS (RFC 3207); `smtps://` is encrypted from the beginning. */
  readonly requireTls?: boolean;
  /** Certificate authorities in PEM, in the place of those that are known everywhere. */
  readonly ca?: string | undefined;
  readonly dkim?: Dkim | undefined;
};

/** As many mails are sent at the same time: each has a connection of its own, and none waits for another. */
export const CONNECTIONS = 5;
const TIMEOUTS_MS = {
  dnsTimeout: 4000,
  connectionTimeout: 5000,
  greetingTimeout: 5000,
  socketTimeout: 12_000,
};
/** Of all together; also ends the dialogue with a server that answers letter by letter. Below the sender's lease. */
const SEND_TIMEOUT_MS = 25_000;
/** A connection that the server closed meanwhile is made once more; whatever else fails is for the queue to repeat. */
const POOL = { pool: true, maxConnections: CONNECTIONS, maxMessages: 100, maxRequeues: 1 } as const;

/**
 * What a signature covers besides what nodemailer covers anyway (RFC 6376 section 5.4.1): a button that unsubscribes
 * counts only when both of its headers are signed (RFC 8058 section 4).
 */
const SIGNED_HEADERS = [
  ...["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Language"],
  ...["Content-Transfer-Encoding", "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post"],
].join(":");

/** Keeps connections to the mail server open while there is mail. */
export function createSmtp({ url, from, requireTls = false, ca, dkim }: SmtpOptions): Smtp {
  const transport = createTransport({
    url,
    ...TIMEOUTS_MS,
    ...POOL,
    requireTLS: requireTls,
    tls: { minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) },
    ...(dkim === undefined
      ? {}
      : {
          dkim: {
            domainName: dkim.domain,
            keySelector: dkim.selector,
            privateKey: dkim.privateKey,
            headerFieldNames: SIGNED_HEADERS,
          },
        }),
    // A template can then never make the server read a file or fetch an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // Each failure comes back to whoever sent the mail; without a listener one of an idle connection would end the process.
  transport.on("error", () => undefined);
  const domain = /@([^@<>\s]+)>?$/.exec(from)?.[1] ?? "localhost";
  return {
    send: async ({ to, messageKey, subject, text, html, language, unsubscribe }) => {
      const deadline = { signal: AbortSignal.timeout(SEND_TIMEOUT_MS) };
      await transport.sendMail({
        ...deadline,
        from,
        // Not as text: a comma in it would make two recipients.
        to: { name: "", address: to },
        subject,
        text,
        html,
        messageId: `<${messageKey}@${domain}>`,
        headers: {
          // RFC 3834: no out-of-office notes, please.
          "Auto-Submitted": "auto-generated",
          "Content-Language": language,
          ...(unsubscribe === undefined ? {} : unsubscribeHeaders(unsubscribe)),
        },
      });
    },
    close: () => transport.close(),
  };
}

/** A button of the mail reader (RFC 2369, RFC 8058). */
function unsubscribeHeaders(url: string): Record<string, string> {
  return { "List-Unsubscribe": `<${url}>`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" };
}
