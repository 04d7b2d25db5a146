import { afterAll, beforeAll, expect, test } from "vitest";
import { eventsOf, lastMailToken, verifyAddress } from "../emails/mail-link-fixture.ts";
import { type OperatorWorld, startOperatorWorld } from "../operators/operator-world-fixture.ts";
import { PASSWORD } from "../user-app-fixture.ts";

let world: OperatorWorld;
beforeAll(async () => {
  world = await startOperatorWorld();
});
afterAll(() => world.close());

async function told(accountId: string): Promise<Record<string, unknown>[]> {
  return (await eventsOf(world.user, accountId, "user.account-updated")).map(({ data }) => data);
}

test("whatever changes who gets mail of an account, and in which language, is told with all of it", async () => {
  const { user, people } = world;
  const { accountId, accessToken, username } = await world.newPerson();
  await verifyAddress(user, accountId);
  await user.send("PATCH", "/api/user/me", { token: accessToken, body: { language: "de-AT" } });
  await user.post("/email/change", { token: accessToken, body: { email: "new@example.org" } });
  const token = await lastMailToken(user, accountId, "user.email-verification-requested");
  expect((await user.post("/email/verify", { body: { token } })).status).toBe(204);
  await world.act(people.moderator, accountId, "suspend");
  await world.act(people.moderator, accountId, "suspend");
  await world.act(people.moderator, accountId, "restore");
  const { session } = (await (
    await user.post("/sign-in", { body: { username, password: PASSWORD } })
  ).json()) as { session: { accessToken: string } };
  expect((await user.post("/deactivate", { token: session.accessToken })).status).toBe(204);
  await user.post("/sign-in", { body: { username, password: PASSWORD } });

  const first = {
    accountId,
    username,
    email: `${username}@example.org`,
    emailVerified: true,
    language: null,
  };
  const german = { ...first, language: "de-AT", active: true };
  const moved = { ...german, email: "new@example.org" };
  expect(await told(accountId)).toEqual([
    { ...first, active: true },
    german,
    moved,
    { ...moved, active: false },
    moved,
    { ...moved, active: false },
    moved,
  ]);
});

test("a name that is shown to people, and a refused change, are no news to other services", async () => {
  const { accountId, accessToken } = await world.newPerson();
  const change = (body: object) => world.user.send("PATCH", "/api/user/me", { token: accessToken, body });
  expect((await change({ displayName: "Somebody" })).status).toBe(200);
  for (const body of [{}, { language: "de_DE" }, { language: "" }, { language: "x".repeat(36) }])
    expect((await change(body)).status).toBe(400);
  expect(await told(accountId)).toEqual([]);
});

test("the language of an account is the one it gave, else the one that its client prefers", async () => {
  const { user } = world;
  const register = async (username: string, body: object, accept: string) => {
    const given = { username, email: `${username}@example.org`, password: PASSWORD, ...body };
    const headers = { "Accept-Language": accept };
    const response = await user.send("POST", "/api/user/register", { body: given, headers });
    return ((await response.json()) as { account: { language: string | null } }).account.language;
  };
  expect(await register("speaker_one", { language: "fr" }, "de, en;q=0.5")).toBe("fr");
  expect(await register("speaker_two", {}, "en;q=0.5, de")).toBe("de");
  expect(await register("speaker_three", {}, "*")).toBeNull();
});
