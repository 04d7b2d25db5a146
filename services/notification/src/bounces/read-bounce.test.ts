import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { notification } from "./bounce-fixture.ts";
import { readBounces } from "./read-bounce.ts";

const EVENT = "0199f0d0-0000-7000-8000-000000000001";
const of = { eventId: EVENT, kind: "welcome", recipient: "alice@example.org" };
const read = (text: string) => readBounces(new TextEncoder().encode(text));

describe("a delivery status notification", () => {
  it("tells which mail did not reach whom, and why", async () => {
    expect(await read(notification({ ...of, status: "5.1.1" }))).toEqual([{ ...of, status: "5.1.1" }]);
  });

  it("is read whether the whole mail is returned or its header, and whatever the case of its words", async () => {
    const whole = { ...of, recipient: "Alice@Example.org", status: "5.2.2", returned: "message/rfc822" };
    expect(await read(notification(whole))).toEqual([{ ...of, status: "5.2.2" }]);
    const loud = notification({ ...of, status: "5.1.1" }).replace("Action: failed", "ACTION:  Failed");
    expect(await read(loud)).toHaveLength(1);
  });

  it("goes by the address that the mail was sent to, when it was forwarded from there", async () => {
    const forwarded = notification({ ...of, status: "5.1.1" }).replace(
      "Final-Recipient: rfc822; alice@example.org",
      "Original-Recipient: rfc822;alice@example.org\r\nFinal-Recipient: rfc822; other@example.net",
    );
    expect(await read(forwarded)).toEqual([{ ...of, status: "5.1.1" }]);
  });

  it.each([
    ["is late", { action: "delayed", status: "4.4.1" }],
    ["arrived", { action: "delivered", status: "2.0.0" }],
    ["failed for the moment", { action: "failed", status: "4.2.2" }],
    ["has no code", { action: "failed", status: "unknown" }],
  ])("of a mail that %s is no failure", async (_what, said) => {
    expect(await read(notification({ ...of, ...said }))).toEqual([]);
  });

  it("of a mail that is none of ours is no failure of ours", async () => {
    const foreign = notification({ ...of, status: "5.1.1" }).replace(`<${EVENT}.welcome@`, "<CAF123@");
    expect(await read(foreign)).toEqual([]);
  });
});

it("anything else holds no failure, and breaks nothing", async () => {
  for (const text of ["", "\0", "Subject: I am on holiday\r\n\r\nBack on Monday.", "x".repeat(60_000)])
    expect(await read(text)).toEqual([]);
  const genuine = notification({ ...of, status: "5.1.1" });
  await fc.assert(
    fc.asyncProperty(fc.nat(genuine.length), fc.string({ maxLength: 40 }), async (at, noise) => {
      const broken = genuine.slice(0, at) + noise + genuine.slice(at + noise.length);
      for (const { eventId } of await read(broken)) expect(eventId).toMatch(/^[0-9a-f-]{36}$/);
    }),
    { numRuns: 300 },
  );
});
