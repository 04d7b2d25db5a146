import PostalMime, { type Attachment } from "postal-mime";

/** What a mail server says of one mail that it had taken and could not deliver. */
export type Bounce = {
  /** Of the mail that bounced; see `messageKey` in smtp.ts. */
  readonly eventId: string;
  readonly kind: string;
  /** In lower case. */
  readonly recipient: string;
  /** Enhanced status code (RFC 3463), as `5.1.1`. */
  readonly status: string;
};

/**
 * The final failures in a delivery status notification (RFC 3464), as mail servers send it to the sender of a mail that
 * they cannot deliver. Empty for everything else: delays, successes, absence notes, and what is no such notification.
 */
export async function readBounces(message: Uint8Array): Promise<Bounce[]> {
  const { attachments } = await PostalMime.parse(message, { attachmentEncoding: "utf8" });
  const status = attachments.find(({ mimeType }) => mimeType === "message/delivery-status");
  const returned = attachments.find(({ mimeType }) => RETURNED.has(mimeType));
  if (!status || !returned) return [];
  const [, eventId, kind] = MESSAGE_ID.exec(textOf(returned)) ?? [];
  if (eventId === undefined || kind === undefined) return [];
  return textOf(status)
    .split(/\r?\n\r?\n/)
    .map(readFields)
    .flatMap((fields) => {
      const recipient = addressOf(fields.get("original-recipient") ?? fields.get("final-recipient"));
      const code = /^[245]\.\d{1,3}\.\d{1,3}/.exec(fields.get("status") ?? "")?.[0];
      const isFinal = fields.get("action")?.toLowerCase() === "failed" && code?.startsWith("5");
      return isFinal && recipient && code ? [{ eventId, kind, recipient, status: code }] : [];
    });
}

/** The mail that bounced, or its header alone. */
const RETURNED: ReadonlySet<string> = new Set([
  "message/rfc822",
  "text/rfc822-headers",
  "message/rfc822-headers",
]);
const MESSAGE_ID = /^message-id:\s*<([0-9a-f-]{36})\.([a-z-]{1,40})@/im;

function textOf({ content }: Attachment): string {
  return typeof content === "string" ? content : new TextDecoder().decode(content);
}

/** Names in lower case; a line that begins with a blank goes on with the one before (RFC 5322 section 2.2.3). */
function readFields(block: string): Map<string, string> {
  const lines = block.replaceAll(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  return new Map(
    lines.flatMap((line) => {
      const colon = line.indexOf(":");
      return colon < 1 ? [] : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]];
    }),
  );
}

/** As `rfc822; Alice@Example.org`. */
function addressOf(field: string | undefined): string | undefined {
  return /^rfc822\s*;\s*<?([^\s<>]+@[^\s<>]+)>?/i.exec(field ?? "")?.[1]?.toLowerCase();
}
