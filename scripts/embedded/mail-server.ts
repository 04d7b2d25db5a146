// Takes any mail from any program on this machine. It delivers nothing: the mails can be read on a page.
import { SMTPServer, type SMTPServerDataStream } from "smtp-server";
import type { MailStore } from "./mail-store.ts";

/** Larger mails are refused, 552. */
const MAX_MAIL_BYTES = 1024 * 1024;

async function readAll(stream: SMTPServerDataStream): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // The rest has to be read all the same: the client listens only after it has sent everything.
    if (bytes <= MAX_MAIL_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_MAIL_BYTES ? Buffer.concat(chunks) : undefined;
}

async function storeMail(stream: SMTPServerDataStream, store: MailStore): Promise<string> {
  const raw = await readAll(stream);
  if (raw === undefined)
    throw Object.assign(new Error("The mail is larger than 1 MiB."), { responseCode: 552 });
  return store.add(raw);
}

/** Listens on `host:port`; a mail is on disk before its sender reads 250. */
export function startMailServer(options: {
  store: MailStore;
  host: string;
  port: number;
  onError: (error: Error) => void;
}): Promise<SMTPServer> {
  const server = new SMTPServer({
    // Nothing is secret on this machine's own loopback, and there is nobody to authenticate.
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    size: MAX_MAIL_BYTES,
    maxClients: 50,
    closeTimeout: 2000,
    banner: "Sotto keeps mail here; it delivers none",
    onData: (stream, _session, callback) => {
      storeMail(stream, options.store).then(
        (id) => callback(null, `kept as ${id}`),
        (error: Error) => callback(error),
      );
    },
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      server.on("error", options.onError);
      resolve(server);
    });
  });
}
