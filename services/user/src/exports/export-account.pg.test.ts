import { problem } from "@sotto/contracts/errors";
import { strFromU8, unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { auditTypes } from "../emails/mail-link-fixture.ts";
import { startUserApp, type UserApp } from "../user-app-fixture.ts";

let user: UserApp;
beforeAll(async () => {
  user = await startUserApp();
});
afterAll(() => user.close());

async function unpack(response: Response): Promise<Record<string, string>> {
  const files = unzipSync(new Uint8Array(await response.arrayBuffer()));
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, strFromU8(file)]));
}

test("the export holds what the service knows of the caller, without secrets and without anybody else", async () => {
  const alice = await user.register("alice");
  const bob = await user.register("bob");
  await user.owner.query(
    `insert into account.passkey (passkey_id, account_id, credential_id, public_key, sign_count, transports, name, backed_up, created_at)
     values (gen_random_uuid(), $1, 'credential', 'public-key', 0, '{usb}', 'blue key', false, now())`,
    [alice.accountId],
  );
  await user.owner.query(
    `insert into account.audit_entry (audit_id, account_id, type, at, actor_account_id, address, details)
     select gen_random_uuid(), $1, 'operator-viewed', now(), $2, '192.0.2.7', '{}' from generate_series(1, 250)`,
    [alice.accountId, bob.accountId],
  );
  const response = await user.get("/export", { token: alice.accessToken });
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("application/zip");
  expect(response.headers.get("Content-Disposition")).toBe('attachment; filename="sotto-account.zip"');
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  const files = await unpack(response);
  expect(Object.keys(files)).toEqual([
    "README.txt",
    "account.json",
    "sessions.json",
    "passkeys.json",
    "audit.json",
  ]);
  for (const name of Object.keys(files).slice(1)) expect(files["README.txt"]).toContain(name);
  const part = (name: string) => JSON.parse(files[name] ?? "");
  expect(part("account.json")).toMatchObject({
    accountId: alice.accountId,
    username: "alice",
    email: "alice@example.org",
    state: "active",
  });
  expect(part("sessions.json")).toMatchObject([{ sessionId: alice.sessionId, endedAt: null }]);
  expect(part("passkeys.json")).toMatchObject([{ name: "blue key", transports: ["usb"] }]);
  expect(part("audit.json")).toHaveLength(252);
  expect(part("audit.json").map((entry: { type: string }) => entry.type)).toEqual(
    expect.arrayContaining(["account-registered", "data-exported", "operator-viewed"]),
  );
  const everything = Object.values(files).join();
  for (const secret of ["$argon2id$", "credential", "public-key", "hash", "192.0.2.7", "bob"]) {
    expect(everything).not.toContain(secret);
  }
});

test("an export is limited by account, needs a fresh session, and is written down", async () => {
  const carol = await user.register("carol");
  const statuses: number[] = [];
  for (let count = 0; count < 4; count++) {
    statuses.push((await user.get("/export", { token: carol.accessToken })).status);
  }
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect((await auditTypes(user, carol.accountId)).filter((type) => type === "data-exported")).toHaveLength(
    3,
  );
  user.clock.advance(301);
  const response = await user.get("/export", { token: carol.accessToken });
  expect(problem.parse(await response.json()).code).toBe("reauthentication_required");
});
