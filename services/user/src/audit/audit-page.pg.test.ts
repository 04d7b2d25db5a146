import { type AuditEntry, auditPage } from "@sotto/contracts/audit-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Registered, startUserApp, type UserApp } from "../user-app-fixture.ts";
import { recordAudit } from "./record-audit.ts";

let user: UserApp;
let alice: Registered;
beforeAll(async () => {
  user = await startUserApp();
  alice = await user.register("alice");
});
afterAll(() => user.close());

async function page(query: string, token = alice.accessToken) {
  const response = await user.get(`/audit${query}`, { token });
  expect(response.status).toBe(200);
  return auditPage.parse(await response.json());
}

async function allEntries(limit: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  let after = "";
  for (;;) {
    const { entries: more, next } = await page(`?limit=${limit}${after}`);
    entries.push(...more);
    if (next === null) return entries;
    after = `&after=${next}`;
  }
}

const record = (accountId: string, client: string, actorAccountId?: string) =>
  recordAudit(user.context.db, user.context, {
    accountId,
    type: actorAccountId ? "operator-viewed" : "signed-in",
    origin: { address: "2001:db8::1", client, sessionId: alice.sessionId },
    ...(actorAccountId && { actorAccountId }),
    details: { method: "password" },
  });

test("pages follow each other from the newest to the oldest entry, with none twice, left out, or another's", async () => {
  const bob = await user.register("bob");
  await user.owner.query("delete from account.audit_entry");
  for (let made = 0; made < 7; made++) await record(alice.accountId, `client ${made}`);
  await record(bob.accountId, "bob's");
  const expected = [6, 5, 4, 3, 2, 1, 0].map((n) => `client ${n}`);
  for (const limit of [1, 2, 3, 7, 100]) {
    expect((await allEntries(limit)).map(({ client }) => client)).toEqual(expected);
  }
  expect((await page("?limit=7")).next).toBeNull();
  // Another's entry as the place to go on from shows nothing of the other's.
  const [bobs] = (await page("", bob.accessToken)).entries;
  expect((await page(`?after=${bobs?.auditId}`)).entries.map(({ client }) => client)).toEqual(expected);
});

test("an entry says what, when and from where; of an operator it says who, and not where", async () => {
  const bob = await user.register("bobby");
  await user.owner.query("delete from account.audit_entry");
  await record(alice.accountId, "phone");
  await record(alice.accountId, "office", bob.accountId);
  const { accountId: actorAccountId } = bob;
  expect((await page("")).entries).toEqual([
    expect.objectContaining({
      ...{ type: "operator-viewed", actorAccountId },
      ...{ address: null, client: null, sessionId: null },
    }),
    {
      auditId: expect.any(String),
      type: "signed-in",
      at: user.clock.now().toISOString(),
      actorAccountId: null,
      address: "2001:db8::1",
      client: "phone",
      sessionId: alice.sessionId,
      details: { method: "password" },
    },
  ]);
});

test("a page that cannot be is refused", async () => {
  for (const query of ["limit=0", "limit=101", "limit=-5", "limit=abc", "after=x", "after=%00", "page=2"]) {
    expect((await user.get(`/audit?${query}`, { token: alice.accessToken })).status, query).toBe(400);
  }
});
