// The least of an HTTP/1.1 client: ASCII, one host, connections that are kept, answers that name their length. The load
// generator shares the cores with what it measures, and `fetch` took ten times as much of them.
import net from "node:net";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HttpClient {
  /** Sends one request, made by `httpRequest`, on a connection of its own. */
  ask(request: string): Promise<HttpAnswer>;
  /** Ends the connections. */
  close(): void;
}

const END_OF_HEAD = "\r\n\r\n";
const READ_BYTES = 64 * 1024;

/** One for all connections: what was read is done with before anything else is read. */
const readBuffer = Buffer.allocUnsafe(READ_BYTES);

/** A whole request. Made once, it can be sent again and again. */
export function httpRequest(url: URL, { token, json }: { token?: string; json?: object } = {}): string {
  const body = json === undefined ? "" : JSON.stringify(json);
  const head = [
    `${json === undefined ? "GET" : "POST"} ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...(json === undefined ? [] : ["Content-Type: application/json", `Content-Length: ${body.length}`]),
  ];
  return `${head.join("\r\n")}${END_OF_HEAD}${body}`;
}

/** Cuts the answers of one connection out of its stream, wherever it was broken. */
export function createAnswerReader(onAnswer: (answer: HttpAnswer) => void): (bytes: Buffer) => void {
  let text = "";
  return (bytes) => {
    text += bytes.toString("latin1");
    for (let end = text.indexOf(END_OF_HEAD); end !== -1; end = text.indexOf(END_OF_HEAD)) {
      const head = text.slice(0, end);
      const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(head) ?? [];
      const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
      if (status === undefined || length === undefined)
        throw new Error(`the load generator does not know such an answer: ${head}`);
      const start = end + END_OF_HEAD.length;
      const next = start + Number(length);
      if (text.length < next) return;
      const body = text.slice(start, next);
      text = text.slice(next);
      onAnswer({ status: Number(status), body });
    }
  };
}

type Link = { send(request: string, done: PromiseWithResolvers<HttpAnswer>): void; close(): void };

function openLink(url: URL): Link {
  let waiting: PromiseWithResolvers<HttpAnswer> | undefined;
  const read = createAnswerReader((answer) => waiting?.resolve(answer));
  const socket = net.connect({
    host: url.hostname,
    port: Number(url.port),
    noDelay: true,
    onread: {
      buffer: readBuffer,
      callback(length) {
        read(readBuffer.subarray(0, length));
        return true;
      },
    },
  });
  socket.on("error", () => undefined);
  socket.once("close", () => waiting?.reject(new Error("the service has ended a connection")));
  return {
    send(request, done) {
      waiting = done;
      socket.write(request, "latin1");
    },
    close: () => socket.destroy(),
  };
}

/** Opens as many connections as there are requests at once. */
export function createHttpClient(url: URL): HttpClient {
  const all: Link[] = [];
  const idle: Link[] = [];
  const open = (): Link => {
    const link = openLink(url);
    all.push(link);
    return link;
  };
  return {
    async ask(request) {
      const link = idle.pop() ?? open();
      const done = Promise.withResolvers<HttpAnswer>();
      link.send(request, done);
      const answer = await done.promise;
      idle.push(link);
      return answer;
    },
    close() {
      for (const link of all) link.close();
    },
  };
}
