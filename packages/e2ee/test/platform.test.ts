import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const require = createRequire(import.meta.url);
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

async function evaluate(code: string): Promise<string> {
  const { stdout } = await run(process.execPath, ["--no-warnings", "--input-type=module", "--eval", code], {
    cwd: here("."),
  });
  return stdout;
}

describe("D5: importing the engine", () => {
  it("installs no process-wide error handlers", async () => {
    const counted = await evaluate(`
      await import(${JSON.stringify(new URL("../src/decrypt-envelope.ts", import.meta.url).href)});
      const names = ["uncaughtException", "unhandledRejection"];
      console.log(JSON.stringify(names.map((name) => process.listenerCount(name))));
    `);
    expect(JSON.parse(counted)).toEqual([0, 0]);
  });
});

describe("D10: the dependencies", () => {
  it("hold no protobuf code generator", () => {
    const lockFile = here("../../../package-lock.json");
    const { packages } = JSON.parse(readFileSync(lockFile, "utf8")) as { packages: Record<string, object> };
    expect(Object.keys(packages).filter((name) => /dprint|ts-proto-descriptors/.test(name))).toEqual([]);
    expect(packages["node_modules/ts-proto"]).toMatchObject({ name: "empty-npm-package" });
  });

  it("take the curve from this package", () => {
    const resolved = require.resolve("@privacyresearch/curve25519-typescript");
    expect(resolved.replaceAll("\\", "/")).toContain("packages/e2ee/curve-stub");
  });
});

describe("a platform whose WebCrypto has neither X25519 nor ML-KEM", () => {
  it("carries the same conversation", async () => {
    const { stdout } = await run(process.execPath, ["--no-warnings", here("portable-conversation.ts")]);
    expect(stdout).toBe("ok");
  });
});
