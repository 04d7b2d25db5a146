// A mail server for tests: real SMTP on a port of the loopback, that can be told what to answer.
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer } from "smtp-server";

/** What the server says to RCPT TO, or to the end of DATA; undefined takes the mail. */
export type SmtpRefusal = { command: "RCPT TO" | "DATA"; code: number; text: string } | undefined;

export interface TestSmtp {
  readonly url: string;
  readonly port: number;
  /** Taken over, oldest first. */
  readonly mails: readonly Email[];
  /** For the mails that come after this. */
  refuse(refusal: SmtpRefusal): void;
  /** Called when a mail was taken and before the client reads that; for tests that end the client just then. */
  onTaken(hook: () => void | Promise<void>): void;
  stop(): Promise<void>;
}

function refusalError({ code, text }: NonNullable<SmtpRefusal>): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

/** `port`: any free one when absent. */
export async function startSmtp({ port = 0 }: { port?: number } = {}): Promise<TestSmtp> {
  const mails: Email[] = [];
  let refusal: SmtpRefusal;
  let hook: () => void | Promise<void> = () => undefined;
  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    closeTimeout: 500,
    onRcptTo: (_address, _session, callback) =>
      callback(refusal?.command === "RCPT TO" ? refusalError(refusal) : null),
    onData: (stream, _session, callback) => {
      const take = async (): Promise<void> => {
        const chunks: Buffer[] = [];
        for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
        if (refusal?.command === "DATA") throw refusalError(refusal);
        mails.push(await PostalMime.parse(Buffer.concat(chunks)));
        await hook();
      };
      take().then(() => callback(null), callback);
    },
  });
  // A client that is killed in the middle is part of the tests.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", () => resolve()));
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new Error("the mail server has no port");
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    port: address.port,
    mails,
    refuse: (next) => {
      refusal = next;
    },
    onTaken: (next) => {
      hook = next;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
