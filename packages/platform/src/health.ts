import type { App } from "./http.ts";
import type { Registry } from "./metrics.ts";

export type HealthCheck = () => Promise<void>;

/** Longer than this and a dependency counts as gone. */
const CHECK_TIMEOUT_MS = 2000;

/**
 * `/health/live`: the process answers. `/health/ready`: 200 when every check passes, else 503 naming those that do not.
 * `/metrics`: Prometheus text. None of the three may be routed from outside.
 */
export function addHealth(
  app: App,
  options: { checks: Readonly<Record<string, HealthCheck>>; metrics: Registry },
): void {
  app.get("/health/live", (c) => c.json({ status: "ok" }));
  app.get("/health/ready", async (c) => {
    const results = await Promise.all(
      Object.entries(options.checks).map(async ([name, check]) => [name, await runCheck(check)] as const),
    );
    const ready = results.every(([, result]) => result === "ok");
    return c.json(
      { status: ready ? "ok" : "unavailable", checks: Object.fromEntries(results) },
      ready ? 200 : 503,
    );
  });
  app.get("/metrics", async (c) =>
    c.text(await options.metrics.metrics(), 200, { "Content-Type": options.metrics.contentType }),
  );
}

async function runCheck(check: HealthCheck): Promise<"ok" | "failed" | "timeout"> {
  const { promise: timeout, resolve } = Promise.withResolvers<"timeout">();
  const timer = setTimeout(() => resolve("timeout"), CHECK_TIMEOUT_MS);
  try {
    return await Promise.race([
      // Within a promise, so that a check which throws at once is one that failed.
      Promise.resolve()
        .then(check)
        .then(
          () => "ok" as const,
          () => "failed" as const,
        ),
      timeout,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
