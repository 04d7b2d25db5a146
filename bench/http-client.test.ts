import http from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createAnswerReader, createHttpClient, type HttpAnswer, httpRequest } from "./http-client.ts";

test("answers are read wherever the stream is broken", () => {
  const answers = fc.array(
    fc.record({
      status: fc.constantFrom(200, 401, 503),
      body: fc.constantFrom("", "{}", "\r\n\r\n", "x".repeat(700)),
    }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(answers, fc.integer({ min: 1, max: 2000 }), (sent, pieceBytes) => {
      const text = sent
        .map(
          ({ status, body }) =>
            `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\nA: b\r\n\r\n${body}`,
        )
        .join("");
      const got: HttpAnswer[] = [];
      const read = createAnswerReader((answer) => got.push(answer));
      const stream = Buffer.from(text, "latin1");
      for (let at = 0; at < stream.length; at += pieceBytes) read(stream.subarray(at, at + pieceBytes));
      expect(got).toEqual(sent);
    }),
  );
});

test("an answer without a length is refused instead of waited for", () => {
  const read = createAnswerReader(() => undefined);
  expect(() => read(Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))).toThrow(/chunked/);
});

test("requests at once each get their own answer, and connections are kept", async () => {
  let connections = 0;
  const server = http.createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = JSON.stringify([
      request.method,
      request.headers.authorization,
      Buffer.concat(parts).toString(),
    ]);
    response.writeHead(200, { "Content-Length": body.length }).end(body);
  });
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path`);
  const client = createHttpClient(url);
  for (let turn = 0; turn < 3; turn += 1) {
    const bodies = await Promise.all(
      [1, 2].map(async (number) => (await client.ask(httpRequest(url, { json: { number } }))).body),
    );
    expect(bodies.map((body) => JSON.parse(body))).toEqual([
      ["POST", null, '{"number":1}'],
      ["POST", null, '{"number":2}'],
    ]);
  }
  expect(JSON.parse((await client.ask(httpRequest(url, { token: "t" }))).body)).toEqual([
    "GET",
    "Bearer t",
    "",
  ]);
  expect(connections).toBe(2);
  client.close();
  await new Promise((resolve) => server.close(resolve));
});
