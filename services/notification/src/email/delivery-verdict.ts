/** What nodemailer adds to its errors. */
type SmtpError = { responseCode?: unknown; command?: unknown; code?: unknown };

export type Verdict = { permanent: boolean; reason: string };

/** The commands by which the server judges this one mail, rather than us, or the connection. */
const ABOUT_THE_MAIL = new Set(["RCPT TO", "DATA"]);

/**
 * A 5xx about the recipient or the content is final (RFC 5321 section 4.2.1). Everything else may pass: the network,
 * 4xx, and a 5xx to signing in or to our sender address, which is a fault of the configuration, not of this mail.
 * The reason holds no text of the server: that often repeats the address.
 */
export function judgeFailure(error: unknown): Verdict {
  const { responseCode, command, code } = (error ?? {}) as SmtpError;
  if (typeof responseCode === "number") {
    const permanent = responseCode >= 500 && responseCode < 600 && ABOUT_THE_MAIL.has(String(command));
    return { permanent, reason: `smtp ${responseCode} to ${String(command ?? "the connection")}` };
  }
  return { permanent: false, reason: typeof code === "string" ? code : "unknown" };
}
