/** What nodemailer adds to its errors. */
type SmtpError = {
  responseCode?: unknown;
  response?: unknown;
  command?: unknown;
  code?: unknown;
  originalCode?: unknown;
};

/**
 * `retry`: it may pass by itself. `fault`: the same, but somebody has to change the configuration. `refused`: this mail
 * is not wanted. `no-such-address`: no mail to this address is.
 */
export type Verdict = {
  readonly outcome: "retry" | "fault" | "refused" | "no-such-address";
  readonly reason: string;
};

/** The commands by which the server judges this one mail, rather than us, or the connection. */
const ABOUT_THE_MAIL = new Set(["RCPT TO", "DATA"]);
/** Sign in first, in another way, or encrypted (RFC 4954 section 6): said at any command, and never about a mail. */
const SIGN_IN_FIRST = new Set([530, 534, 535, 538]);
/** Bad mailbox, system, syntax, moved, no mail taken (RFC 3463 section 3.2, RFC 7505); "other" is used like the first. */
const NO_SUCH_ADDRESS = new Set(["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"]);
/** About our own address as the sender (RFC 3463 section 3.2). */
const BAD_SENDER = new Set(["5.1.7", "5.1.8"]);
/** Mailbox full (RFC 3463 section 3.3): owners tidy up. */
const MAILBOX_FULL = "5.2.2";
const FAULTY = new Set(["EAUTH", "ENOAUTH", "ETLS", "ECONFIG"]);

/**
 * By the reply code (RFC 5321 section 4.2.1) and the enhanced status code (RFC 3463), where the server gives one. A 550
 * without one may mean the address or the mail: the mail is given up, the address is not.
 * The reason holds no text of the server: that often repeats the address.
 */
export function judgeFailure(error: unknown): Verdict {
  const { responseCode, response, command, code, originalCode } = (error ?? {}) as SmtpError;
  if (typeof responseCode !== "number") {
    const reason = [code, originalCode].filter((part) => typeof part === "string").join(" ") || "unknown";
    const isFault = FAULTY.has(String(code)) || /CERT|SIGNATURE/.test(String(originalCode));
    return { outcome: isFault ? "fault" : "retry", reason };
  }
  const status = enhancedStatus(response);
  const said = status === undefined ? `${responseCode}` : `${responseCode} ${status}`;
  const reason = `smtp ${said} to ${String(command ?? "the connection")}`;
  return { outcome: judgeReply(responseCode, status, String(command)), reason };
}

function judgeReply(code: number, status: string | undefined, command: string): Verdict["outcome"] {
  if (SIGN_IN_FIRST.has(code)) return "fault";
  if (code < 500 || code > 599) return "retry";
  if (!ABOUT_THE_MAIL.has(command)) return "fault";
  if (status === undefined) return "refused";
  if (BAD_SENDER.has(status)) return "fault";
  if (status === MAILBOX_FULL) return "retry";
  return command === "RCPT TO" && NO_SUCH_ADDRESS.has(status) ? "no-such-address" : "refused";
}

/** Whether an enhanced status code says that the address does not exist. */
export function isNoSuchAddress(status: string): boolean {
  return NO_SUCH_ADDRESS.has(status);
}

function enhancedStatus(response: unknown): string | undefined {
  if (typeof response !== "string") return undefined;
  return /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1];
}
