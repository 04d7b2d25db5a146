// A push service and its subscribers, on a port of the loopback: real TLS by an authority of its own, and for every push
// what RFC 8030, 8291 and 8292 want of it. It can be told what to answer.

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { systemClock } from "@sotto/platform/clock";
import { importJWK, type JWTPayload, jwtVerify } from "jose";
import { issueCertificate, type TestCertificate } from "./certificates.ts";
import { decryptPush, newSubscriberSecrets, publicKeyOf, type SubscriberSecrets } from "./push-decrypt.ts";

/** As `PushSubscription.toJSON()` of a browser has it. */
export type TestSubscription = {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
};

export type ReceivedPush = {
  readonly endpoint: string;
  /** What the subscriber reads. */
  readonly payload: string;
  readonly bodyBytes: number;
  readonly ttl: number;
  readonly urgency: string | undefined;
  readonly topic: string | undefined;
  readonly vapid: JWTPayload;
  /** Base64url of the key that signed. */
  readonly serverKey: string;
};

export type PushServiceAnswer =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** Pieces are sent as they are taken. */
      readonly body?: string | Iterable<Buffer>;
    }
  /** Takes the request, and never answers. */
  | "never";

export interface TestPushService {
  readonly port: number;
  /** As in PUSH_PRIVATE_HOSTS. */
  readonly host: string;
  /** PEM of the authority, as in PUSH_CA. */
  readonly ca: string;
  /** Of the first subscriber. */
  readonly subscription: TestSubscription;
  /** Another one. With `serverKey` it takes pushes of that application server alone, as browsers have it. */
  subscribe(options?: { serverKey?: string }): TestSubscription;
  /** Pushes as they came, whatever the answer was; oldest first. */
  readonly received: readonly ReceivedPush[];
  /** What was wrong with requests that were no good pushes. */
  readonly faults: readonly string[];
  /** To the pushes that come after this; 201 before. A function is asked for each. */
  respondWith(
    answer: PushServiceAnswer | ((push: ReceivedPush) => PushServiceAnswer | Promise<PushServiceAnswer>),
  ): void;
  stop(): Promise<void>;
}

type Subscriber = SubscriberSecrets & { readonly serverKey: string | undefined };

const MAX_BODY_BYTES = 4096;
const DAY_SECONDS = 24 * 3600;

class Refused extends Error {
  readonly status: number;

  constructor(status: number, why: string) {
    super(why);
    this.status = status;
  }
}

/** One is enough for a process. */
const certificates = new Map<string, Promise<TestCertificate>>();

function certificateFor(name: string): Promise<TestCertificate> {
  const known = certificates.get(name) ?? issueCertificate({ names: [name], addresses: ["127.0.0.1"] });
  certificates.set(name, known);
  return known;
}

/** `port`: any free one when absent. `name`: what it is called in addresses. */
export async function startPushService({ port = 0, name = "localhost" } = {}): Promise<TestPushService> {
  const { ca, cert, key } = await certificateFor(name);
  const received: ReceivedPush[] = [];
  const faults: string[] = [];
  const subscribers = new Map<string, Subscriber>();
  let answer: Parameters<TestPushService["respondWith"]>[0] = { status: 201 };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const push = await readPush(request, { origin, subscribers });
    received.push(push);
    const wanted = typeof answer === "function" ? await answer(push) : answer;
    if (wanted === "never") return;
    response.writeHead(wanted.status, wanted.headers);
    if (typeof wanted.body === "object") await pipeline(Readable.from(wanted.body), response);
    else response.end(wanted.body);
  };
  const server = createServer({ cert, key }, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      // Somebody who has read enough breaks off.
      if (response.headersSent) return;
      faults.push(String(error));
      response.writeHead(error instanceof Refused ? error.status : 400).end();
    });
  });
  // Clients that break off are part of the tests.
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const bound = (server.address() as AddressInfo).port;
  const host = `${name}:${bound}`;
  const origin = `https://${host}`;

  const subscribe: TestPushService["subscribe"] = ({ serverKey } = {}) => {
    const secrets = newSubscriberSecrets();
    const path = `/push/${subscribers.size + 1}`;
    subscribers.set(path, { ...secrets, serverKey });
    return {
      endpoint: `${origin}${path}`,
      keys: { p256dh: publicKeyOf(secrets).toString("base64url"), auth: secrets.auth.toString("base64url") },
    };
  };
  return {
    ...{ port: bound, host, ca, received, faults, subscribe },
    subscription: subscribe(),
    respondWith: (next) => {
      answer = next;
    },
    stop: () => stop(server),
  };
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

type Known = { readonly origin: string; readonly subscribers: ReadonlyMap<string, Subscriber> };

async function readPush(request: IncomingMessage, { origin, subscribers }: Known): Promise<ReceivedPush> {
  const path = request.url ?? "";
  const subscriber = subscribers.get(path);
  if (request.method !== "POST") throw new Refused(405, `${request.method} instead of POST`);
  if (!subscriber) throw new Refused(404, `nobody is at ${path}`);
  const { headers } = request;
  if (headers["content-encoding"] !== "aes128gcm") throw new Refused(415, "another encoding than aes128gcm");
  if (!/^\d+$/.test(String(headers.ttl))) throw new Refused(400, "no TTL");
  if (!/^[A-Za-z0-9_-]{0,32}$/.test(String(headers.topic ?? ""))) throw new Refused(400, "no good Topic");
  const body = await readBody(request);
  const { vapid, serverKey } = await readVapid(headers.authorization ?? "", origin);
  if (subscriber.serverKey !== undefined && subscriber.serverKey !== serverKey)
    throw new Refused(403, "subscribed to another application server");
  return {
    endpoint: `${origin}${path}`,
    payload: decryptPush(body, subscriber).toString(),
    bodyBytes: body.length,
    ttl: Number(headers.ttl),
    urgency: headers.urgency?.toString(),
    topic: headers.topic?.toString(),
    vapid,
    serverKey,
  };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (body.length > MAX_BODY_BYTES) throw new Refused(413, "too large");
  return body;
}

/** RFC 8292 section 2 and 3. */
async function readVapid(
  authorization: string,
  origin: string,
): Promise<{ vapid: JWTPayload; serverKey: string }> {
  const [, token, serverKey] = /^vapid t=([\w.-]+), ?k=([\w-]{87})$/.exec(authorization) ?? [];
  if (token === undefined || serverKey === undefined) throw new Refused(401, "no VAPID");
  const point = Buffer.from(serverKey, "base64url");
  const [x, y] = [point.toString("base64url", 1, 33), point.toString("base64url", 33)];
  const key = await importJWK({ kty: "EC", crv: "P-256", x, y }, "ES256");
  const { payload } = await jwtVerify(token, key, {
    algorithms: ["ES256"],
    audience: origin,
    requiredClaims: ["exp", "sub"],
  }).catch((error: unknown) => {
    throw new Refused(403, String(error));
  });
  const secondsLeft = (payload.exp ?? 0) - systemClock.now().getTime() / 1000;
  if (secondsLeft > DAY_SECONDS) throw new Refused(403, "a signature for more than a day");
  if (!/^(mailto:.+@.+|https:\/\/.+)$/.test(payload.sub ?? "")) throw new Refused(403, "no one to write to");
  return { vapid: payload, serverKey };
}
