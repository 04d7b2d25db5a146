import { lookup } from "node:dns/promises";
import { startPushService, type TestPushService } from "@sotto/testkit/push-service";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encryptPush } from "./encrypt-push.ts";
import { createPushHttp, type PushHttp, type PushHttpOptions, TIMEOUTS } from "./push-http.ts";
import { newVapidKey } from "./vapid-key-fixture.ts";
import { vapidPrivateKey } from "./vapid-keys.ts";

let service: TestPushService;
const open: PushHttp[] = [];

beforeEach(async () => {
  service = await startPushService();
});
afterEach(async () => {
  for (const http of open.splice(0)) http.close();
  await service.stop();
});

const keys = vapidPrivateKey.parse(newVapidKey());
const never = new AbortController().signal;

/** May reach the test's push service, unless told otherwise. */
function httpTo(options: Partial<PushHttpOptions> = {}): PushHttp {
  const http = createPushHttp({
    hosts: new Set([service.host]),
    ca: service.ca,
    timeouts: TIMEOUTS,
    resolve: () => Promise.reject(new Error("no name is to be looked up")),
    ...options,
  });
  open.push(http);
  return http;
}

function pushTo(endpoint = service.subscription.endpoint) {
  const url = new URL(endpoint);
  const { p256dh, auth } = service.subscription.keys;
  const subscriber = { url, p256dh: Buffer.from(p256dh, "base64url"), auth: Buffer.from(auth, "base64url") };
  const sender = { keys, subject: "mailto:a@b.example" };
  return {
    url,
    signal: never,
    ...encryptPush(sender, subscriber, { type: "messages-waiting", ttlSeconds: 60 }),
  };
}

describe("a push", () => {
  it("says that messages wait and nothing else, in a body of one size, signed for the push service's origin", async () => {
    expect(await httpTo().post(pushTo())).toEqual({ status: 201, retryAfter: undefined });
    expect(service.faults).toEqual([]);
    const [push] = service.received;
    expect(JSON.parse(push?.payload ?? "")).toEqual({ v: 1, type: "messages-waiting" });
    expect(push).toMatchObject({
      ttl: 60,
      urgency: "high",
      topic: "messages-waiting",
      serverKey: keys.publicKey,
      vapid: { sub: "mailto:a@b.example", aud: `https://${service.host}` },
      // Salt, record size and key (RFC 8188: 86), the payload, its delimiter, and the tag.
      bodyBytes: 86 + 128 + 1 + 16,
    });
  });
});

describe("answers", () => {
  it.each([404, 410, 429, 500])("come with their status: %d, with when to come again", async (status) => {
    service.respondWith({ status, headers: { "Retry-After": "7" } });
    expect(await httpTo().post(pushTo())).toEqual({ status, retryAfter: "7" });
  });

  it.each([301, 302, 307, 308])("of status %d are followed nowhere", async (status) => {
    service.respondWith({ status, headers: { Location: service.subscribe().endpoint } });
    expect(await httpTo().post(pushTo())).toMatchObject({ status });
    expect(service.received).toHaveLength(1);
  });

  it("are not read to their end when they are large", async () => {
    let pieces = 0;
    function* endless() {
      for (;;) {
        pieces += 1;
        yield Buffer.alloc(16 * 1024);
      }
    }
    service.respondWith({ status: 201, body: endless() });
    expect(await httpTo().post(pushTo())).toMatchObject({ status: 201 });
    expect(pieces).toBeLessThan(1000);
  });

  it("with more headers than any push service has are none", async () => {
    service.respondWith({ status: 201, headers: { "X-Long": "x".repeat(9000) } });
    await expect(httpTo().post(pushTo())).rejects.toMatchObject({ code: "HPE_HEADER_OVERFLOW" });
  });

  it("that do not come are not waited for", async () => {
    service.respondWith("never");
    const http = httpTo({ timeouts: { connectMs: 5000, wholeMs: 200 } });
    await expect(http.post(pushTo())).rejects.toMatchObject({ cause: { name: "TimeoutError" } });
  });

  it("are not waited for when the sender stops", async () => {
    const stopping = new AbortController();
    service.respondWith(() => {
      stopping.abort();
      return "never";
    });
    const http = httpTo({ timeouts: { connectMs: 5000, wholeMs: 600_000 } });
    await expect(http.post({ ...pushTo(), signal: stopping.signal })).rejects.toMatchObject({
      code: "ABORT_ERR",
    });
  });
});

describe("a host that nobody has allowed", () => {
  const NOT_PUBLIC = { code: "ENOTPUBLIC" };

  it("is not called at a private address, however it is written", async () => {
    const http = httpTo({ hosts: new Set() });
    for (const host of ["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1"])
      await expect(http.post(pushTo(`https://${host}/push/1`)), host).rejects.toMatchObject(NOT_PUBLIC);
  });

  it("is not called at another port than 443", async () => {
    await expect(httpTo({ hosts: new Set() }).post(pushTo())).rejects.toMatchObject(NOT_PUBLIC);
  });

  it("is not called when its name leads to private addresses alone", async () => {
    for (const address of [
      "127.0.0.1",
      "169.254.169.254",
      "fd00:ec2::254",
      "::ffff:10.0.0.1",
      "not an address",
    ]) {
      const http = httpTo({ resolve: async () => [address] });
      await expect(http.post(pushTo("https://push.example/x")), address).rejects.toMatchObject(NOT_PUBLIC);
    }
  });

  it("is asked for its addresses at each connection, so that a name which leads elsewhere the next time gains nothing", async () => {
    const answers = [["127.0.0.1"], ["10.0.0.1", "127.0.0.1"]];
    const http = httpTo({ resolve: async () => answers.shift() ?? [] });
    await expect(http.post(pushTo("https://push.example/x"))).rejects.toMatchObject(NOT_PUBLIC);
    await expect(http.post(pushTo("https://push.example/x"))).rejects.toMatchObject(NOT_PUBLIC);
    expect(answers).toEqual([]);
  });
});

describe("a host that the operators allow", () => {
  it("is looked up as the system does, for names that no name server knows", async () => {
    expect((await lookup("localhost")).address).toMatch(/^(127\.0\.0\.1|::1)$/);
    expect(await httpTo().post(pushTo())).toMatchObject({ status: 201 });
  });

  it("has to show a certificate all the same", async () => {
    await expect(httpTo({ ca: undefined }).post(pushTo())).rejects.toMatchObject({
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
    const other = `https://127.0.0.2:${service.port}/push/1`;
    const http = httpTo({ hosts: new Set([new URL(other).host]) });
    await expect(http.post(pushTo(other))).rejects.toMatchObject({ code: expect.any(String) });
    expect(service.received).toEqual([]);
  });
});
