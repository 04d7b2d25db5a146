// A mail server for tests: real SMTP on a port of the loopback, that can be told what to answer.
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { TestCertificate } from "./certificates.ts";

/** What the server says to a command, or to the end of DATA; undefined takes the mail. */
export type SmtpRefusal =
  | { command: "MAIL FROM" | "RCPT TO" | "DATA"; code: number; text: string }
  | undefined;

export interface TestSmtp {
  readonly url: string;
  readonly port: number;
  /** Taken over, oldest first. */
  readonly mails: readonly Email[];
  /** The same, byte by byte as latin1. */
  readonly raws: readonly string[];
  /** Connections so far. */
  readonly connections: number;
  /** For the mails that come after this. */
  refuse(refusal: SmtpRefusal): void;
  /** Called when a mail was taken and before the client reads that; for tests that end the client just then. */
  onTaken(hook: () => void | Promise<void>): void;
  stop(): Promise<void>;
}

export type SmtpSetup = {
  /** Any free one when absent. */
  port?: number;
  /** Encrypted from the beginning, at the client's wish, or not at all, by `certificate`. */
  tls?: "smtps" | "starttls" | "none";
  certificate?: TestCertificate;
  /** Asked for when given, and only where encrypted. */
  password?: string;
};

function refusalError({ code, text }: NonNullable<SmtpRefusal>): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

function serverOptions({ tls = "none", certificate, password }: SmtpSetup): SMTPServerOptions {
  const disabled = [...(password === undefined ? ["AUTH"] : []), ...(tls === "starttls" ? [] : ["STARTTLS"])];
  return {
    secure: tls === "smtps",
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
    disabledCommands: disabled,
    authOptional: password === undefined,
    onAuth: (auth, _session, callback) =>
      auth.password === password
        ? callback(null, { user: auth.username ?? "" })
        : callback(refusalError({ command: "DATA", code: 535, text: "5.7.8 wrong password" })),
    disableReverseLookup: true,
    closeTimeout: 500,
  };
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function startSmtp(setup: SmtpSetup = {}): Promise<TestSmtp> {
  const mails: Email[] = [];
  const raws: string[] = [];
  let refusal: SmtpRefusal;
  let hook: () => void | Promise<void> = () => undefined;
  let connections = 0;
  const refusalOf = (command: NonNullable<SmtpRefusal>["command"]) =>
    refusal?.command === command ? refusalError(refusal) : null;
  const take = async (stream: AsyncIterable<Buffer>): Promise<void> => {
    const raw = await readAll(stream);
    const refused = refusalOf("DATA");
    if (refused) throw refused;
    raws.push(raw.toString("latin1"));
    mails.push(await PostalMime.parse(raw));
    await hook();
  };
  const server = new SMTPServer({
    ...serverOptions(setup),
    onConnect: (_session, callback) => {
      connections += 1;
      callback();
    },
    onMailFrom: (_address, _session, callback) => callback(refusalOf("MAIL FROM")),
    onRcptTo: (_address, _session, callback) => callback(refusalOf("RCPT TO")),
    onData: (stream, _session, callback) => {
      take(stream).then(() => callback(null), callback);
    },
  });
  // A client that is killed in the middle is part of the tests.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(setup.port ?? 0, "127.0.0.1", () => resolve()));
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new Error("the mail server has no port");
  return {
    url: `${setup.tls === "smtps" ? "smtps" : "smtp"}://127.0.0.1:${address.port}`,
    port: address.port,
    mails,
    raws,
    get connections() {
      return connections;
    },
    refuse: (next) => {
      refusal = next;
    },
    onTaken: (next) => {
      hook = next;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
