import type { WireNotification } from "@sotto/contracts/in-app-api";
import { expect, it } from "vitest";
import type { AuthorizedRequest } from "../api/chat-api.ts";
import { createNotifications } from "./notifications.ts";

const id = (number: number) => `0190a1b2-0000-7000-8000-${String(number).padStart(12, "0")}`;
const told = (number: number, type: string, data: object): WireNotification => ({
  ...{ notificationId: id(number), type, data: { ...data } },
  ...{ createdAt: "2026-01-01T00:00:00.000Z", readAt: null },
});

/** A server that has these pages, and validates as the SDK does. */
function createPaged(pages: object[]) {
  const asked: string[] = [];
  const request = (async ({ method, path, body, answer }) => {
    asked.push([method, path, body && JSON.stringify(body)].filter(Boolean).join(" "));
    return answer?.parse(pages.shift());
  }) as AuthorizedRequest;
  return { notifications: createNotifications({ request }), asked };
}

it("shows what a newer server tells of as unknown, and refuses no page for it", async () => {
  const { notifications, asked } = createPaged([
    {
      notifications: [
        told(5, "device-added", { deviceId: id(9), model: "newer field" }),
        told(4, "call-missed", { accountId: id(8) }),
        told(3, "constructor", {}),
      ],
      next: id(3),
    },
    {
      notifications: [
        told(2, "security-notice", { notice: "a notice of later", client: null }),
        told(1, "contact-requested", { accountId: 5 }),
      ],
      next: null,
    },
  ]);
  const all: unknown[] = [];
  for await (const { notificationId: _id, createdAt: _at, readAt: _read, ...rest } of notifications.list())
    all.push(rest);
  expect(all).toEqual([
    { type: "device-added", data: { deviceId: id(9) } },
    { type: "unknown", unknownType: "call-missed", data: { accountId: id(8) } },
    { type: "unknown", unknownType: "constructor", data: {} },
    { type: "security-notice", data: { notice: "a notice of later", client: null } },
    { type: "unknown", unknownType: "contact-requested", data: { accountId: 5 } },
  ]);
  expect(asked).toEqual([
    "GET /api/notifications?limit=100",
    `GET /api/notifications?before=${id(3)}&limit=100`,
  ]);
});

it("marks one, those up to one, or all, and keeps ids in their place of the path", async () => {
  const { notifications, asked } = createPaged([]);
  await notifications.markRead(id(1));
  await notifications.markAllRead({ before: id(2) });
  await notifications.markAllRead();
  await notifications.remove("../export");
  expect(asked).toEqual([
    `POST /api/notifications/${id(1)}/read`,
    `POST /api/notifications/read-all {"before":"${id(2)}"}`,
    "POST /api/notifications/read-all {}",
    "DELETE /api/notifications/..%2Fexport",
  ]);
});
