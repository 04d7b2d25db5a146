// What accounts are told in their clients: by events, by REST, and until when.
import { type DomainEvent, type NewEventData, parseEvent } from "@sotto/contracts/events";
import { notificationPage } from "@sotto/contracts/in-app-api";
import { limits } from "@sotto/contracts/limits";
import { systemIds } from "@sotto/platform/ids";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { forgetAccount } from "../accounts/forget-account.ts";
import { createNotificationApp } from "../app.ts";
import { type NotificationWorld, startNotification } from "../notification-fixture.ts";
import { addNotification } from "./add-notification.ts";
import { forgetOldNotifications } from "./forget-old-notifications.ts";
import type { NotifiedEvent } from "./notification-of.ts";

let world: NotificationWorld;
let context: NotificationWorld["context"];
let owner: NotificationWorld["owner"];
let tokens: NotificationWorld["tokens"];

beforeAll(async () => {
  world = await startNotification({ RATE_LIMITS: '{"*": "off"}' });
  ({ context, owner, tokens } = world);
});
beforeEach(() => owner.query("truncate notify.notification, notify.processed_event, outbox.event"));
afterAll(() => world?.close());

const [ann, ben, cleo] = [systemIds.uuidv7(), systemIds.uuidv7(), systemIds.uuidv7()];

function eventOf<T extends NotifiedEvent["type"]>(type: T, data: NewEventData<T>): DomainEvent<T> {
  const head = { id: systemIds.uuidv7(), version: 1, occurredAt: "2026-01-01T00:00:00.000Z", key: "k" };
  return parseEvent({ ...head, type, data }) as DomainEvent<T>;
}
const notice = (which: "new-session" | "password-changed", client: string | null = null) =>
  eventOf("user.security-notice", {
    ...{ accountId: ann, username: "ann", email: "ann@example.org", notice: which, client },
  });
const asked = (by: string, of = ann) => eventOf("chat.contact-requested", { accountId: of, byAccountId: by });
const deletionOf = (accountId: string): DomainEvent<"user.account-deleted"> => ({
  ...{ id: systemIds.uuidv7(), type: "user.account-deleted", version: 1, key: accountId },
  ...{ occurredAt: "2026-01-01T00:00:00.000Z", data: { accountId } },
});

async function ask(as: string, method: string, path: string, body?: object) {
  const token = await tokens.sign(as, systemIds.uuidv7());
  const response = await createNotificationApp(context).request(`http://localhost/api/notifications${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text ? JSON.parse(text) : undefined };
}
const listOf = async (as: string, query = "") =>
  notificationPage.parse((await ask(as, "GET", query)).body).notifications;
const unreadOf = async (as: string) => (await ask(as, "GET", "/unread-count")).body.unread;

/** The counts that were told of an account, in the order of their appending. */
async function toldOf(accountId: string): Promise<number[]> {
  const { rows } = await owner.query(
    `select e -> 'data' ->> 'unread' as unread from outbox.event o, jsonb_array_elements(o.events) e
     where e ->> 'type' = 'notification.list-changed' and e ->> 'key' = $1 and e -> 'data' ->> 'accountId' = $1
     order by o.id`,
    [accountId],
  );
  return rows.map(({ unread }) => Number(unread));
}

describe("an event", () => {
  it("becomes one notification of its account with the words of its type, however often it is delivered", async () => {
    const deviceId = systemIds.uuidv7();
    const events: NotifiedEvent[] = [
      notice("new-session", "<b>a client</b>"),
      eventOf("chat.device-added", { accountId: ann, deviceId }),
      asked(ben),
      eventOf("chat.contact-accepted", { accountId: ann, byAccountId: cleo }),
    ];
    for (const event of events)
      await Promise.all(Array.from({ length: 3 }, () => addNotification(context, event)));
    expect((await listOf(ann)).map(({ type, data, readAt }) => ({ type, data, readAt }))).toEqual([
      { type: "contact-accepted", data: { accountId: cleo }, readAt: null },
      { type: "contact-requested", data: { accountId: ben }, readAt: null },
      { type: "device-added", data: { deviceId }, readAt: null },
      {
        type: "security-notice",
        data: { notice: "new-session", client: "<b>a client</b>" },
        readAt: null,
      },
    ]);
    expect(await toldOf(ann)).toEqual([1, 2, 3, 4]);
    expect(await listOf(ben)).toEqual([]);
  });

  it("of an account's first device is no news", async () => {
    await addNotification(
      context,
      eventOf("chat.device-added", { accountId: ann, deviceId: systemIds.uuidv7(), first: true }),
    );
    expect([await listOf(ann), await toldOf(ann)]).toEqual([[], []]);
  });

  it("of somebody who asks again and again is in the list once, as the newest", async () => {
    for (const by of [ben, cleo, ben, ben]) await addNotification(context, asked(by));
    expect((await listOf(ann)).map(({ data }) => data.accountId)).toEqual([ben, cleo]);
    expect(await unreadOf(ann)).toBe(2);
  });

  it("takes the place of nothing but the same from the same one", async () => {
    await addNotification(context, asked(cleo, ben));
    await addNotification(context, eventOf("chat.contact-accepted", { accountId: ann, byAccountId: cleo }));
    await addNotification(context, asked(cleo));
    expect((await listOf(ann)).map(({ type }) => type)).toEqual(["contact-requested", "contact-accepted"]);
    expect(await listOf(ben)).toHaveLength(1);
    expect([await unreadOf(ann), await unreadOf(ben)]).toEqual([2, 1]);
  });
});

describe("the list of an account", () => {
  /** Rows as they would be after many events; the last of them is the oldest. */
  const fill = (accountId: string, count: number, data: object, type = "security-notice") =>
    owner.query(
      `insert into notify.notification (account_id, notification_id, type, data, created_at)
       select $1, overlay('0190a1b2-0000-7000-8000-000000000000'::text placing lpad(n::text, 12, '0') from 25)::uuid,
         $4, $3, now() from generate_series(1, $2::int) n`,
      [accountId, count, JSON.stringify(data), type],
    );
  const countOf = async (accountId: string) => {
    const { rows } = await owner.query(
      "select count(*)::int, min(notification_id::text) from notify.notification where account_id = $1",
      [accountId],
    );
    return rows[0] as { count: number; min: string };
  };

  it("holds so many and the newest, and another account's is left alone", async () => {
    await fill(ann, limits.notificationsPerAccount + 5, { later: true }, "of-another-kind");
    await fill(ben, limits.notificationsPerAccount + 5, { later: true }, "of-another-kind");
    await addNotification(context, notice("new-session"));
    expect(await countOf(ann)).toEqual({
      count: limits.notificationsPerAccount,
      min: "0190a1b2-0000-7000-8000-000000000007",
    });
    expect((await countOf(ben)).count).toBe(limits.notificationsPerAccount + 5);
    expect((await listOf(ann))[0]).toMatchObject({ data: { notice: "new-session" } });
  });

  it("keeps a notice that somebody would hide under many of another kind", async () => {
    await addNotification(context, notice("password-changed"));
    await fill(ann, limits.notificationsPerKind + 50, { notice: "new-session", client: null });
    await addNotification(context, notice("new-session"));
    expect((await countOf(ann)).count).toBe(limits.notificationsPerKind + 1);
    const { rows } = await owner.query(
      "select from notify.notification where data ->> 'notice' = 'password-changed'",
    );
    expect(rows).toHaveLength(1);
  });

  it("comes page by page, each once, and to its owner alone", async () => {
    await fill(ann, 5, { later: true }, "of-later");
    await fill(ben, 2, { notice: "bens" });
    const first = (await ask(ann, "GET", "?limit=3")).body;
    const second = (await ask(ann, "GET", `?limit=3&before=${first.next}`)).body;
    const ids = [...first.notifications, ...second.notifications].map((one) => one.notificationId.slice(-1));
    expect([ids, second.next]).toEqual([["5", "4", "3", "2", "1"], null]);
    expect((await ask(ann, "GET", "?limit=5")).body.next).toBe(null);
    for (const query of ["?limit=0", "?limit=101", "?before=x", "?after=1"])
      expect((await ask(ann, "GET", query)).status, query).toBe(400);
  });

  it("is read one by one or up to one; what arrived meanwhile stays unread, and each change is told once", async () => {
    for (const by of [ben, cleo]) await addNotification(context, asked(by));
    const [newest, oldest] = await listOf(ann);
    await addNotification(context, notice("new-session"));
    expect(await toldOf(ann)).toEqual([1, 2, 3]);
    const readOne = () => ask(ann, "POST", `/${oldest?.notificationId}/read`);
    expect([(await readOne()).status, (await readOne()).status]).toEqual([204, 204]);
    const upTo = { before: newest?.notificationId };
    for (const _ of [1, 2]) expect((await ask(ann, "POST", "/read-all", upTo)).status).toBe(204);
    expect(await unreadOf(ann)).toBe(1);
    expect((await ask(ann, "POST", "/read-all", {})).status).toBe(204);
    expect(await toldOf(ann)).toEqual([1, 2, 3, 2, 1, 0]);
    expect((await listOf(ann)).filter(({ readAt }) => readAt === null)).toEqual([]);
  });

  it("loses what its owner takes off; what is another's, or gone, is not there and stays as it is", async () => {
    await addNotification(context, notice("new-session"));
    expect((await ask(ann, "POST", `/${systemIds.uuidv7()}/read`)).status).toBe(404);
    const [one] = await listOf(ann);
    const path = `/${one?.notificationId}`;
    for (const [method, address] of [
      ["DELETE", path],
      ["POST", `${path}/read`],
      ["DELETE", `/${systemIds.uuidv7()}`],
    ] as const)
      expect(await ask(ben, method, address)).toMatchObject({ status: 404, body: { code: "not_found" } });
    await ask(ben, "POST", "/read-all", { before: one?.notificationId });
    expect([await listOf(ann), await toldOf(ben)]).toEqual([[one], []]);
    expect((await ask(ann, "DELETE", path)).status).toBe(204);
    expect((await ask(ann, "DELETE", path)).status).toBe(404);
    expect([await listOf(ann), await toldOf(ann)]).toEqual([[], [1, 0]]);
  });

  it("tells the count that is true, whoever changes it at the same time", async () => {
    const events = Array.from({ length: 12 }, () => notice("new-session"));
    await Promise.all([
      ...events.map((event) => addNotification(context, event)),
      ...[1, 2, 3].map(() => ask(ann, "POST", "/read-all", {})),
    ]);
    expect((await toldOf(ann)).at(-1)).toBe(await unreadOf(ann));
  });

  it("forgets what is older than 90 days", async () => {
    await fill(ann, 3, { later: true }, "of-later");
    await owner.query(
      `update notify.notification set created_at = now() - interval '91 days' where notification_id::text like '%1'`,
    );
    await forgetOldNotifications(context);
    expect((await listOf(ann)).map(({ notificationId }) => notificationId.slice(-1))).toEqual(["3", "2"]);
  });

  it("goes with its account, and with it what others were told of that one; nothing comes late", async () => {
    for (const event of [notice("new-session"), asked(ben), asked(cleo), asked(ann, ben)])
      await addNotification(context, event);
    await forgetAccount(context, deletionOf(ben));
    expect((await listOf(ann)).map(({ data }) => data.accountId ?? "notice")).toEqual([cleo, "notice"]);
    await addNotification(context, asked(ben));
    await addNotification(context, asked(ann, ben));
    const { rows } = await owner.query("select from notify.notification n where n::text like $1", [
      `%${ben}%`,
    ]);
    expect(rows).toEqual([]);
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/read-all"],
    ] as const) {
      const { body } = await ask(ben, method, path, method === "POST" ? {} : undefined);
      expect(body.code).toBe("session_revoked");
    }
  });

  it("of two who do the same to each other at once, neither waits for ever", async () => {
    const events = Array.from({ length: 10 }, (_, index) =>
      index % 2 ? asked(cleo, ann) : asked(ann, cleo),
    );
    await Promise.all(events.map((event) => addNotification(context, event)));
    expect([(await listOf(ann)).length, (await listOf(cleo)).length]).toEqual([1, 1]);
  });
});
