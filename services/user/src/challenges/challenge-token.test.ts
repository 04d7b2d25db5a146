import { randomBytes } from "node:crypto";
import { systemIds } from "@sotto/platform/ids";
import { expect, test } from "vitest";
import { createSealer } from "../sealing/sealer.ts";
import { createTestClock } from "../user-app-fixture.ts";
import { type ChallengeKind, makeChallenge, openChallenge } from "./challenge-token.ts";

const clock = createTestClock();
const sealer = createSealer({ secret: randomBytes(32), randomBytes });
const context = { sealer, clock, ids: systemIds, randomBytes };
const bound = { accountId: "an account", binding: "a password" };

test("a challenge comes back as it was given out, for five minutes", () => {
  const { token, ...challenge } = makeChallenge(context, "second-factor", bound);
  expect(openChallenge(context, "second-factor", token)).toEqual(challenge);
  clock.advance(299.999);
  expect(openChallenge(context, "second-factor", token)).toEqual(challenge);
  clock.advance(0.001);
  expect(() => openChallenge(context, "second-factor", token)).toThrow("expired");
});

test("a challenge of one kind is none of another", () => {
  const kinds: ChallengeKind[] = [
    "second-factor",
    "passkey-sign-in",
    "passkey-registration",
    "reauthentication",
  ];
  for (const made of kinds) {
    const { token } = makeChallenge(context, made, bound);
    for (const kind of kinds) {
      const open = () => openChallenge(context, kind, token);
      if (kind === made) expect(open).not.toThrow();
      else expect(open).toThrow(expect.objectContaining({ code: "challenge_invalid" }));
    }
  }
});

test("what was made by another key, changed or invented is no challenge", () => {
  const other = createSealer({ secret: randomBytes(32), randomBytes });
  const { token } = makeChallenge({ ...context, sealer: other }, "second-factor", bound);
  const own = Buffer.from(makeChallenge(context, "second-factor", bound).token, "base64url");
  own[20] = (own[20] ?? 0) ^ 1;
  for (const text of [token, own.toString("base64url"), "", "x", "\u0000".repeat(30), "A".repeat(4096)]) {
    const open = () => openChallenge(context, "second-factor", text);
    expect(open).toThrow(expect.objectContaining({ code: "challenge_invalid" }));
  }
});

test("every challenge has an id and a text to sign of its own", () => {
  const made = Array.from({ length: 100 }, () => makeChallenge(context, "passkey-sign-in", bound));
  expect(new Set(made.map(({ id }) => id)).size).toBe(100);
  expect(new Set(made.map(({ webauthn }) => webauthn)).size).toBe(100);
  for (const { webauthn } of made) expect(Buffer.from(webauthn, "base64url")).toHaveLength(32);
});
