import { createLogger } from "@sotto/platform/log";
import { expect, it } from "vitest";
import { createFaultAlarm } from "./fault-alarm.ts";

it("tells of each fault once, and again only after mail went out", () => {
  const told: string[] = [];
  const log = createLogger({ service: "test", level: "silent" });
  log.error = (about: unknown) => void told.push((about as { reason: string }).reason);
  const alarm = createFaultAlarm(log);
  for (const reason of ["EAUTH", "EAUTH", "ETLS", "ETLS"]) alarm.raise(reason);
  expect(told).toEqual(["EAUTH", "ETLS"]);
  alarm.clear();
  alarm.raise("ETLS");
  expect(told).toEqual(["EAUTH", "ETLS", "ETLS"]);
});
