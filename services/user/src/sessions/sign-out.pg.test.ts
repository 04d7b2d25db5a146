import { afterAll, beforeAll, expect, test } from "vitest";
import { listAuditEntries } from "../audit/audit-queries.ts";
import { PASSWORD, startUserApp, toRegistered, type UserApp } from "../user-app-fixture.ts";
import { signOut } from "./sign-out.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

test("signing out ends that session at once, tells the other services, and leaves other sessions alone", async () => {
  const first = await user.register("alice");
  const body = { username: "alice", password: PASSWORD };
  const second = toRegistered(await (await user.post("/sign-in", { body })).json());
  const response = await user.post("/sign-out", { token: first.accessToken });
  expect(response.status).toBe(204);

  for (const answer of [
    await user.get("/me", { token: first.accessToken }),
    await user.get("/accounts?prefix=a", { token: first.accessToken }),
    await user.post("/sign-out", { token: first.accessToken }),
    await user.post("/refresh", { body: { refreshToken: first.refreshToken } }),
  ]) {
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: "session_revoked" });
  }
  expect((await user.get("/me", { token: second.accessToken })).status).toBe(200);
  const { accountId, sessionId } = first;
  expect((await user.events()).filter((event) => event.type === "user.session-revoked")).toEqual([
    expect.objectContaining({ key: accountId, data: { accountId, sessionId } }),
  ]);
});

test("of several sign-outs of one session at once only one tells the other services", async () => {
  const { accountId, sessionId } = await user.register("bob");
  const origin = { address: "192.0.2.1", sessionId };
  await Promise.all(Array.from({ length: 4 }, () => signOut(user.context, { accountId, sessionId, origin })));
  const told = (await user.events()).filter(
    (event) => event.type === "user.session-revoked" && event.data.sessionId === sessionId,
  );
  expect(told).toHaveLength(1);
  const entries = await listAuditEntries(user.context.db, accountId, { after: undefined, limit: 10 });
  expect(entries.filter(({ type }) => type === "signed-out")).toEqual([
    expect.objectContaining({ sessionId, address: "192.0.2.1", actorAccountId: null }),
  ]);
});
