// What a mail server sends back, handed in as it does.
import { systemIds } from "@sotto/platform/ids";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createNotificationApp } from "../app.ts";
import { type NotificationWorld, startNotification } from "../notification-fixture.ts";
import { notification } from "./bounce-fixture.ts";

let world: NotificationWorld;
let context: NotificationWorld["context"];
let owner: NotificationWorld["owner"];

beforeAll(async () => {
  world = await startNotification();
  ({ context, owner } = world);
});
beforeEach(() => owner.query("truncate notify.email, notify.suppressed_address, outbox.event"));
afterAll(() => world?.close());

async function mail(recipient: string, isSent = true): Promise<{ eventId: string; kind: string }> {
  const eventId = systemIds.uuidv7();
  await owner.query(
    `insert into notify.email (id, event_id, account_id, kind, recipient, content, created_at, next_attempt_at, sent_at)
     values (gen_random_uuid(), $1, gen_random_uuid(), 'welcome', $2, '{}', now(), now(), case when $3 then now() end)`,
    [eventId, recipient, isSent],
  );
  return { eventId, kind: "welcome" };
}

async function handIn(message: string): Promise<unknown> {
  const response = await createNotificationApp(context).request("/bounces", {
    method: "POST",
    headers: { "Content-Type": "message/rfc822" },
    body: message,
  });
  expect(response.status).toBe(200);
  return response.json();
}

const suppressed = async () =>
  (await owner.query("select address from notify.suppressed_address")).rows.map(({ address }) => address);
const failures = async () =>
  (await owner.query("select last_error from notify.email where failed_at is not null and sent_at is null"))
    .rows;
const told = async () =>
  (await owner.query("select e ->> 'type' as type from outbox.event, jsonb_array_elements(events) e")).rows;

it("a mail that bounced has failed, is told of once, and its address gets no more when there is none such", async () => {
  const sent = await mail("Alice@Example.org");
  const bounce = notification({ ...sent, recipient: "alice@example.org", status: "5.1.1" });
  expect(await handIn(bounce)).toEqual({ failures: 1, recorded: 1 });
  expect(await handIn(bounce)).toEqual({ failures: 1, recorded: 0 });
  expect(await failures()).toEqual([{ last_error: "bounced 5.1.1" }]);
  expect(await suppressed()).toEqual(["alice@example.org"]);
  expect(await told()).toEqual([{ type: "notification.delivery-failed" }]);
});

it("a full mailbox, or a mail that is not liked, costs the mail and not the address", async () => {
  for (const status of ["5.2.2", "5.7.1"]) {
    const sent = await mail("bob@example.org");
    expect(await handIn(notification({ ...sent, recipient: "bob@example.org", status }))).toMatchObject({
      recorded: 1,
    });
  }
  expect(await failures()).toHaveLength(2);
  expect(await suppressed()).toEqual([]);
});

it("nobody's address is suppressed by a bounce of another's mail, of none, or of one that was not sent", async () => {
  const toAlice = await mail("alice@example.org");
  const unsent = await mail("carol@example.org", false);
  const invented = { eventId: systemIds.uuidv7(), kind: "welcome" };
  for (const [of, recipient] of [
    [toAlice, "victim@example.org"],
    [invented, "victim@example.org"],
    [unsent, "carol@example.org"],
  ] as const)
    expect(await handIn(notification({ ...of, recipient, status: "5.1.1" }))).toEqual({
      failures: 1,
      recorded: 0,
    });
  expect([...(await suppressed()), ...(await failures()), ...(await told())]).toEqual([]);
});

it("what is no bounce is taken and changes nothing; what is too large is refused", async () => {
  expect(await handIn("Subject: on holiday\r\n\r\nBack on Monday.")).toEqual({ failures: 0, recorded: 0 });
  const app = createNotificationApp(context);
  const large = await app.request("/bounces", { method: "POST", body: "x".repeat(70_000) });
  expect(large.status).toBe(413);
});
