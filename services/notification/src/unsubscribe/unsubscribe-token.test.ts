import { systemIds } from "@sotto/platform/ids";
import { expect, it } from "vitest";
import { newSealKeys } from "../seal-key-fixture.ts";
import { accountOfToken, TOKEN_PATTERN, unsubscribeKeyOf, unsubscribeToken } from "./unsubscribe-token.ts";

const key = unsubscribeKeyOf(newSealKeys().sealKey);
const accountId = systemIds.uuidv7();
const token = unsubscribeToken(key, accountId);

it("a token tells its account, and is the same each time", () => {
  expect(token).toMatch(TOKEN_PATTERN);
  expect(unsubscribeToken(key, accountId)).toBe(token);
  expect(accountOfToken(key, token)).toBe(accountId);
});

it("no token but one made with the key is taken, whatever of it is changed", () => {
  for (let place = 0; place < token.length; place++) {
    const changed = token.slice(0, place) + (token[place] === "A" ? "B" : "A") + token.slice(place + 1);
    expect(accountOfToken(key, changed)).toBeUndefined();
  }
  for (const text of ["", "x", `${token}A`, token.slice(1), `${token.slice(0, 63)}=`, `${token}\n`])
    expect(accountOfToken(key, text)).toBeUndefined();
  expect(accountOfToken(unsubscribeKeyOf(newSealKeys().sealKey), token)).toBeUndefined();
});
