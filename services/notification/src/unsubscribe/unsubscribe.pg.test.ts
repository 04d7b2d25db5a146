// The link of a digest, through the REST side.
import { systemIds } from "@sotto/platform/ids";
import { afterAll, beforeAll, expect, it } from "vitest";
import { upsertAddressee } from "../accounts/account-queries.ts";
import { forgetAccount } from "../accounts/forget-account.ts";
import { createNotificationApp } from "../app.ts";
import { queueDigest } from "../email/queue-digest.ts";
import { type NotificationWorld, startNotification } from "../notification-fixture.ts";
import { getPreferences, putPreferences } from "../preferences/preference-queries.ts";
import { newSealKeys } from "../seal-key-fixture.ts";
import { unsubscribeKeyOf, unsubscribeToken } from "./unsubscribe-token.ts";

let world: NotificationWorld;
let context: NotificationWorld["context"];

beforeAll(async () => {
  world = await startNotification();
  ({ context } = world);
});
afterAll(() => world?.close());

async function newAccount(): Promise<string> {
  const accountId = systemIds.uuidv7();
  const row = { username: "alice", email: `${accountId}@example.org`, email_verified: true, active: true };
  await context.db
    .transaction()
    .execute((tx) =>
      upsertAddressee(tx, { account_id: accountId, language: null, as_of: context.clock.now(), ...row }),
    );
  return accountId;
}

const tokenOf = (accountId: string) => unsubscribeToken(context.unsubscribeKey, accountId);
const post = (token: string, init: RequestInit = {}) =>
  createNotificationApp(context).request(
    `http://localhost/api/notifications/unsubscribe?token=${encodeURIComponent(token)}`,
    { method: "POST", ...init },
  );
const digest = (accountId: string) =>
  context.db
    .transaction()
    .execute((tx) => queueDigest(tx, context, { accountId, eventId: systemIds.uuidv7(), waiting: 2 }));
const mailsOf = (accountId: string) =>
  context.db.selectFrom("email").selectAll().where("account_id", "=", accountId).execute();

it("one press stops the digests of one account, takes back the unsent, and says the same again", async () => {
  const [accountId, other] = [await newAccount(), await newAccount()];
  await digest(accountId);
  await digest(other);
  const body = new URLSearchParams({ "List-Unsubscribe": "One-Click" });
  expect((await post(tokenOf(accountId), { body })).status).toBe(204);
  expect(await mailsOf(accountId)).toEqual([]);
  expect(await digest(accountId)).toBe("skipped");
  expect(await mailsOf(other)).toHaveLength(1);
  const form = new FormData();
  form.set("List-Unsubscribe", "One-Click");
  for (const again of [{ body: form }, {}]) expect((await post(tokenOf(accountId), again)).status).toBe(204);
});

it("digests that their owner switched on again come again", async () => {
  const accountId = await newAccount();
  await post(tokenOf(accountId));
  await context.db
    .transaction()
    .execute((tx) => putPreferences(tx, accountId, { email_digest: true }, context.clock.now()));
  expect(await digest(accountId)).toBe("queued");
});

it("looking at the link leads to the page and changes nothing: programs open the links of mails", async () => {
  const accountId = await newAccount();
  const token = tokenOf(accountId);
  for (const method of ["GET", "HEAD"]) {
    const answer = await post(token, { method });
    expect(answer.status).toBe(200);
    const page = method === "GET" ? `<a href="/unsubscribe#token=${token}">` : "";
    expect(await answer.text()).toContain(page);
  }
  expect((await post("x", { method: "GET" })).status).toBe(400);
  expect((await getPreferences(context.db, accountId)).email_digest).toBe(true);
});

it("a token that was not made here is refused, whether there is such an account or not", async () => {
  const accountId = await newAccount();
  const forged = unsubscribeToken(unsubscribeKeyOf(newSealKeys().sealKey), accountId);
  for (const token of [forged, "A".repeat(64), "", "x", `${tokenOf(accountId)}A`])
    expect((await post(token)).status).toBe(400);
  expect((await getPreferences(context.db, accountId)).email_digest).toBe(true);
});

it("the token of an account that is gone is answered like any other, and writes nothing down", async () => {
  const accountId = await newAccount();
  await forgetAccount(context, {
    ...{ id: systemIds.uuidv7(), type: "user.account-deleted", version: 1, key: accountId },
    ...{ occurredAt: "2026-01-01T00:00:00.000Z", data: { accountId } },
  });
  expect((await post(tokenOf(accountId))).status).toBe(204);
  const kept = await context.db
    .selectFrom("preferences")
    .selectAll()
    .where("account_id", "=", accountId)
    .execute();
  expect(kept).toEqual([]);
});
