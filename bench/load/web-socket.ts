// The least of a WebSocket client (RFC 6455): text in ASCII, on one host, without extensions. What is sent within one
// turn of the event loop leaves by one system call, and nothing that comes is copied twice: the load generator shares
// the cores with what it measures.
import { randomBytes } from "node:crypto";
import net from "node:net";

export interface WebSocketLink {
  /** Sends ASCII text at the end of this turn of the event loop. */
  send(text: string): void;
  /** Ends the connection at once. */
  close(): void;
}

export interface WebSocketEvents {
  open(link: WebSocketLink): void;
  text(text: string): void;
  closed(): void;
}

const FINAL_TEXT = 0x81;
const CLOSE = 0x88;
const MASKED = 0x80;
/** Lengths from 126 on stand in two bytes of their own, from 65536 on in eight. */
const TWO_BYTES = 126;
const EIGHT_BYTES = 127;
const MASK_BYTES = 4;
const READ_BYTES = 64 * 1024;

/** One for all connections: what was read is done with before anything else is read. */
const readBuffer = Buffer.allocUnsafe(READ_BYTES);

/** Bytes that `writeFrame` needs. */
export function frameLength(text: string): number {
  return 2 + (text.length < TWO_BYTES ? 0 : 2) + MASK_BYTES + text.length;
}

/** Writes ASCII as one masked frame; answers where it ends. @throws Error when the text is too long for this client */
export function writeFrame(text: string, into: Buffer, at: number): number {
  const { length } = text;
  if (length > 0xffff) throw new Error("a frame of the load generator has at most 65535 characters");
  let next = at;
  next = into.writeUInt8(FINAL_TEXT, next);
  if (length < TWO_BYTES) next = into.writeUInt8(MASKED | length, next);
  else next = into.writeUInt16BE(length, into.writeUInt8(MASKED | TWO_BYTES, next));
  // A mask of zeros leaves the text as it is, and costs the server as much as any. Masks protect proxies; here is none.
  next = into.writeUInt32BE(0, next);
  return next + into.write(text, next, "latin1");
}

/** Length and start of the frame's payload at `at`; undefined when its head is not complete. */
function readHead(bytes: Buffer, at: number): { start: number; end: number } | undefined {
  const short = bytes[at + 1];
  if (short === undefined) return undefined;
  if (short < TWO_BYTES) return { start: at + 2, end: at + 2 + short };
  if (short === TWO_BYTES) {
    if (bytes.length < at + 4) return undefined;
    return { start: at + 4, end: at + 4 + bytes.readUInt16BE(at + 2) };
  }
  if (short !== EIGHT_BYTES) throw new Error("a server does not mask its frames");
  if (bytes.length < at + 10) return undefined;
  return { start: at + 10, end: at + 10 + Number(bytes.readBigUInt64BE(at + 2)) };
}

/** Hands on the texts of the complete frames; answers where they end. */
function readTexts(bytes: Buffer, onText: (text: string) => void): number {
  let at = 0;
  for (let head = readHead(bytes, at); head && head.end <= bytes.length; head = readHead(bytes, at)) {
    // The farewell of a server is followed by the end of the stream.
    if (bytes[at] === FINAL_TEXT) onText(bytes.toString("latin1", head.start, head.end));
    else if (bytes[at] !== CLOSE) throw new Error("the load generator knows whole texts only");
    at = head.end;
  }
  return at;
}

/** Cuts a stream of bytes into the texts of its frames, wherever it was broken. */
export function createFrameReader(onText: (text: string) => void): (bytes: Buffer) => void {
  let rest: Buffer | undefined;
  return (bytes) => {
    const all = rest === undefined ? bytes : Buffer.concat([rest, bytes]);
    const end = readTexts(all, onText);
    // A copy: the bytes are overwritten by the next read.
    rest = end < all.length ? Buffer.from(all.subarray(end)) : undefined;
  };
}

/** Gathers what is sent in one turn of the event loop. */
function createSender(write: (bytes: Buffer) => void): (text: string) => void {
  let waiting: string[] = [];
  const flush = (): void => {
    const bytes = Buffer.allocUnsafe(waiting.reduce((sum, text) => sum + frameLength(text), 0));
    let at = 0;
    for (const text of waiting) at = writeFrame(text, bytes, at);
    waiting = [];
    write(bytes);
  };
  return (text) => {
    if (waiting.length === 0) setImmediate(flush);
    waiting.push(text);
  };
}

const END_OF_HEADERS = "\r\n\r\n";

/** Takes the answer to the upgrade, then everything else as frames. */
function createReceiver(onOpen: () => void, onText: (text: string) => void): (bytes: Buffer) => void {
  const readFrames = createFrameReader(onText);
  let headers = "";
  let isOpen = false;
  return (bytes) => {
    if (isOpen) return readFrames(bytes);
    headers += bytes.toString("latin1");
    const end = headers.indexOf(END_OF_HEADERS);
    if (end === -1) return;
    if (!headers.startsWith("HTTP/1.1 101 ")) throw new Error(`no WebSocket here: ${headers}`);
    isOpen = true;
    onOpen();
    readFrames(Buffer.from(headers.slice(end + END_OF_HEADERS.length), "latin1"));
  };
}

/** Opens a WebSocket to a plain HTTP server of this machine. */
export function openWebSocket(url: URL, events: WebSocketEvents): void {
  const receive = createReceiver(
    () => events.open({ send: createSender((bytes) => socket.write(bytes)), close: () => socket.destroy() }),
    events.text,
  );
  const socket = net.connect({
    host: url.hostname,
    port: Number(url.port),
    noDelay: true,
    onread: {
      buffer: readBuffer,
      callback(length) {
        receive(readBuffer.subarray(0, length));
        return true;
      },
    },
  });
  socket.on("error", () => undefined);
  socket.once("close", events.closed);
  socket.write(
    `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}${END_OF_HEADERS}`,
  );
}
