import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import {
  createFrameReader,
  frameLength,
  openWebSocket,
  type WebSocketLink,
  writeFrame,
} from "./web-socket.ts";

/** As a server writes it: without a mask. */
function serverFrame(text: string): Buffer {
  const { length } = text;
  const head =
    length < 126
      ? Buffer.from([0x81, length])
      : length < 65_536
        ? Buffer.from([0x81, 126, length >> 8, length & 255])
        : Buffer.from([
            0x81,
            127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          ]);
  return Buffer.concat([head, Buffer.from(text, "latin1")]);
}

/** What is read of `texts` when the stream comes in pieces, each of which is overwritten by the next. */
function readInPieces(texts: readonly string[], pieceBytes: number): string[] {
  const stream = Buffer.concat(texts.map(serverFrame));
  const got: string[] = [];
  const read = createFrameReader((text) => got.push(text));
  for (let at = 0; at < stream.length; at += pieceBytes) {
    const piece = Buffer.from(stream.subarray(at, at + pieceBytes));
    read(piece);
    piece.fill(0);
  }
  return got;
}

test("texts are read wherever the stream is broken", () => {
  const lengths = fc.array(fc.constantFrom(0, 1, 125, 126, 700), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 2000 }), (sizes, pieceBytes) => {
      const texts = sizes.map((size, index) => String(index).repeat(size));
      expect(readInPieces(texts, pieceBytes)).toEqual(texts);
    }),
  );
});

test.each([65_535, 65_536, 200_000])("a text of %i characters is read", (length) => {
  const texts = ["before", "x".repeat(length), "after"];
  expect(readInPieces(texts, 40_000)).toEqual(texts);
});

test("a frame that is no whole text is refused", () => {
  const read = createFrameReader(() => undefined);
  expect(() => read(Buffer.from([0x01, 1, 65]))).toThrow("whole texts only");
});

test("a text that is too long for a frame of this client is refused", () => {
  const text = "x".repeat(65_536);
  expect(() => writeFrame(text, Buffer.alloc(frameLength(text)), 0)).toThrow("at most 65535");
});

test("a real server understands what is sent in one turn, and is understood", async () => {
  const server = http.createServer().listen(0, "127.0.0.1");
  const sockets = new WebSocketServer({ server });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const connected = once(sockets, "connection") as Promise<[WebSocket]>;
  const got: string[] = [];
  const closed = Promise.withResolvers<void>();
  const link = await new Promise<WebSocketLink>((open) =>
    openWebSocket(new URL(`http://127.0.0.1:${port}/here?a=b`), {
      open,
      text: (text) => got.push(text),
      closed: closed.resolve,
    }),
  );
  const [socket] = await connected;
  socket.on("message", (data) => socket.send(`${data}!`));
  const sent = ["a", "b".repeat(125), "c".repeat(126), "d".repeat(65_535)];
  for (const text of sent) link.send(text);
  await expect.poll(() => got.length).toBe(sent.length);
  expect(got).toEqual(sent.map((text) => `${text}!`));
  link.close();
  await closed.promise;
  sockets.close();
  server.close();
});
