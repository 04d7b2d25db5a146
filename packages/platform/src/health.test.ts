import { afterEach, expect, test, vi } from "vitest";
import { addHealth, type HealthCheck } from "./health.ts";
import { type App, createApp } from "./http.ts";
import { createLogger } from "./log.ts";
import { createMetrics } from "./metrics.ts";

afterEach(() => {
  vi.useRealTimers();
});

function createHealthApp(checks: Record<string, HealthCheck>): App {
  const app = createApp({ log: createLogger({ service: "test", level: "silent" }) });
  addHealth(app, { checks, metrics: createMetrics() });
  return app;
}

async function askReady(app: App) {
  const response = await app.request("/health/ready");
  return { status: response.status, body: await response.json() };
}

test("readiness turns red when a dependency is gone, names it, and turns green again", async () => {
  let isThere = true;
  const app = createHealthApp({
    database: async () => undefined,
    broker: async () => {
      if (!isThere) throw new Error("amqp://guest:hunter2@broker refused");
    },
  });
  const green = { status: 200, body: { status: "ok", checks: { database: "ok", broker: "ok" } } };
  expect(await askReady(app)).toEqual(green);
  isThere = false;
  expect(await askReady(app)).toEqual({
    status: 503,
    body: { status: "unavailable", checks: { database: "ok", broker: "failed" } },
  });
  expect((await app.request("/health/live")).status).toBe(200);
  isThere = true;
  expect(await askReady(app)).toEqual(green);
});

test("a check that throws at once is one that failed", async () => {
  const app = createHealthApp({
    database: () => {
      throw new Error("at once");
    },
  });
  expect(await askReady(app)).toMatchObject({ status: 503, body: { checks: { database: "failed" } } });
});

test("a dependency that hangs counts as gone after two seconds, and holds up no other check", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const hanging = Promise.withResolvers<void>();
  const app = createHealthApp({ database: () => hanging.promise, broker: async () => undefined });
  const asked = askReady(app);
  await vi.advanceTimersByTimeAsync(2000);
  expect(await asked).toEqual({
    status: 503,
    body: { status: "unavailable", checks: { database: "timeout", broker: "ok" } },
  });
  expect(vi.getTimerCount()).toBe(0);
  // That it fails in the end is nobody's unhandled rejection.
  hanging.reject(new Error("late"));
});

test("metrics are Prometheus text", async () => {
  const response = await createHealthApp({}).request("/metrics");
  expect(response.headers.get("Content-Type")).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toContain("process_cpu_user_seconds_total");
});
