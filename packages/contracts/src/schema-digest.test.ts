import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { z } from "zod";
import * as accessToken from "./access-token.ts";
import * as accountApi from "./account-api.ts";
import * as auditApi from "./audit-api.ts";
import * as deviceApi from "./device-api.ts";
import * as errors from "./errors.ts";
import { eventSchema, eventTypes } from "./events.ts";
import * as inAppApi from "./in-app-api.ts";
import { limits } from "./limits.ts";
import * as messageApi from "./message-api.ts";
import * as notificationApi from "./notification-api.ts";
import * as operatorApi from "./operator-api.ts";
import * as peopleApi from "./people-api.ts";
import * as preferencesApi from "./preferences-api.ts";
import { SCHEMA_DIGEST } from "./protocol-version.ts";
import * as secondFactorApi from "./second-factor-api.ts";
import * as sessionApi from "./session-api.ts";
import { clientEvents, closeReason, handshakeAuth, refused, serverEvents } from "./socket-events.ts";
import * as userApi from "./user-api.ts";

/** Everything that goes over a wire, by name. */
function wireSchemas(): [string, z.ZodType][] {
  const modules = {
    accessToken,
    accountApi,
    auditApi,
    deviceApi,
    errors,
    inAppApi,
    messageApi,
    notificationApi,
    operatorApi,
    peopleApi,
    preferencesApi,
    secondFactorApi,
    sessionApi,
    userApi,
  };
  const exported = Object.entries(modules).flatMap(([file, names]) =>
    Object.entries(names)
      .filter((entry): entry is [string, z.ZodType] => entry[1] instanceof z.ZodType)
      .map(([name, schema]): [string, z.ZodType] => [`${file}.${name}`, schema]),
  );
  const client = Object.entries(clientEvents).flatMap(
    ([name, { payload, answer }]): [string, z.ZodType][] => [
      [`client ${name}`, payload],
      [`client ${name} answer`, answer],
    ],
  );
  const server = Object.entries(serverEvents).map(([name, schema]): [string, z.ZodType] => [
    `server ${name}`,
    schema,
  ]);
  const inApp = Object.entries(inAppApi.notificationData).map(([name, schema]): [string, z.ZodType] => [
    `notification ${name}`,
    schema,
  ]);
  const domain = eventTypes.map((type): [string, z.ZodType] => [`event ${type}`, eventSchema(type)]);
  return [
    ...exported,
    ...client,
    ...server,
    ...domain,
    ...inApp,
    ["handshake", handshakeAuth],
    ["close", closeReason],
    ["refused", refused],
  ];
}

test("no wire schema changes by accident: change SCHEMA_DIGEST, and PROTOCOL_VERSION when old clients would break", () => {
  const described = wireSchemas()
    .map(
      ([name, schema]) =>
        `${name} ${JSON.stringify(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }))}`,
    )
    .sort();
  const text = [...described, JSON.stringify(limits), JSON.stringify(errors.errorStatus)].join("\n");
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
  expect(digest).toBe(SCHEMA_DIGEST);
});
