// The rules of biome.json are tried on files that break them: a rule that fires nowhere protects nothing.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Case {
  readonly file: string;
  readonly code: string;
  /** Rule, or words of a plugin's message; undefined: the file is fine. */
  readonly finds: string | undefined;
}

const imports = (name: string): string => `import { x } from "${name}";\nexport const y = x;\n`;
const FORBIDDEN = "lint/style/noRestrictedImports";
const LONG_FUNCTION = `export function f(): number {\n  let a = 0;\n${"  a += 1;\n".repeat(60)}  return a;\n}\n`;
const TANGLED = `export function f(a: number[]): number {\n${"for (const x of a) {\n  if (x > 1) {\n".repeat(4)}return 1;\n${"}}\n".repeat(4)}return 0;\n}\n`;

const CASES: Readonly<Record<string, Case>> = {
  "contracts import zod": { file: "packages/contracts/src/a.ts", code: imports("zod"), finds: undefined },
  "contracts import their own files": {
    file: "packages/contracts/src/b.ts",
    code: imports("./a.ts"),
    finds: undefined,
  },
  "contracts import the platform": {
    file: "packages/contracts/src/c.ts",
    code: imports("@sotto/platform/db"),
    finds: FORBIDDEN,
  },
  "contracts import Node": {
    file: "packages/contracts/src/d.ts",
    code: imports("node:fs"),
    finds: FORBIDDEN,
  },
  "contracts import another library": {
    file: "packages/contracts/src/e.ts",
    code: imports("uuid"),
    finds: FORBIDDEN,
  },
  "the platform imports contracts": {
    file: "packages/platform/src/a.ts",
    code: imports("@sotto/contracts/ids"),
    finds: undefined,
  },
  "the platform imports e2ee": {
    file: "packages/platform/src/b.ts",
    code: imports("@sotto/e2ee/store"),
    finds: FORBIDDEN,
  },
  "the platform imports a service": {
    file: "packages/platform/src/c.ts",
    code: imports("@sotto/chat-service/app"),
    finds: FORBIDDEN,
  },
  "the platform imports a service by path": {
    file: "packages/platform/src/d.ts",
    code: imports("../../../services/chat/src/app.ts"),
    finds: FORBIDDEN,
  },
  "e2ee imports contracts": {
    file: "packages/e2ee/src/a.ts",
    code: imports("@sotto/contracts/ids"),
    finds: FORBIDDEN,
  },
  "the client imports e2ee": {
    file: "packages/client/src/a.ts",
    code: imports("@sotto/e2ee/store"),
    finds: undefined,
  },
  "the client imports the platform": {
    file: "packages/client/src/b.ts",
    code: imports("@sotto/platform/ids"),
    finds: FORBIDDEN,
  },
  "the web client imports e2ee": {
    file: "packages/web/src/a.ts",
    code: imports("@sotto/e2ee/store"),
    finds: FORBIDDEN,
  },
  "a service imports the platform": {
    file: "services/chat/src/app.ts",
    code: imports("@sotto/platform/http"),
    finds: undefined,
  },
  "a service imports e2ee": {
    file: "services/chat/src/b.ts",
    code: imports("@sotto/e2ee/store"),
    finds: FORBIDDEN,
  },
  "a service imports the client": {
    file: "services/chat/src/c.ts",
    code: imports("@sotto/client"),
    finds: FORBIDDEN,
  },
  "a service imports another": {
    file: "services/chat/src/d.ts",
    code: imports("@sotto/user-service/app"),
    finds: FORBIDDEN,
  },
  "a service imports another by path": {
    file: "services/chat/src/e.ts",
    code: imports("../../user/src/app.ts"),
    finds: FORBIDDEN,
  },
  "a service imports the testkit": {
    file: "services/chat/src/f.ts",
    code: imports("@sotto/testkit/postgres"),
    finds: FORBIDDEN,
  },
  "a test of a service imports the testkit": {
    file: "services/chat/src/f.pg.test.ts",
    code: imports("@sotto/testkit/postgres"),
    finds: undefined,
  },
  "a test of a service imports the client": {
    file: "services/chat/src/g.test.ts",
    code: imports("@sotto/client"),
    finds: FORBIDDEN,
  },
  "a service reads the environment": {
    file: "services/chat/src/h.ts",
    code: "export const a = process.env.PORT;\n",
    finds: "lint/style/noProcessEnv",
  },
  "main.ts reads the environment": {
    file: "services/chat/src/main.ts",
    code: "export const a = process.env.PORT;\n",
    finds: undefined,
  },
  "a route imports kysely": {
    file: "services/chat/src/messages/routes.ts",
    code: imports("kysely"),
    finds: FORBIDDEN,
  },
  "a route imports hono": {
    file: "services/user/src/accounts/routes.ts",
    code: imports("hono"),
    finds: undefined,
  },
  "a further route imports queries": {
    file: "services/chat/src/messages/more-routes.ts",
    code: imports("./message-queries.ts"),
    finds: FORBIDDEN,
  },
  "a socket edge imports pg": {
    file: "services/chat/src/messages/socket.ts",
    code: imports("pg"),
    finds: FORBIDDEN,
  },
  "a consumer imports queries": {
    file: "services/chat/src/messages/consumer.ts",
    code: imports("./message-queries.ts"),
    finds: FORBIDDEN,
  },
  "a query imports kysely": {
    file: "services/chat/src/messages/message-queries.ts",
    code: imports("kysely"),
    finds: undefined,
  },
  "a query imports hono": {
    file: "services/chat/src/messages/a-queries.ts",
    code: imports("hono"),
    finds: FORBIDDEN,
  },
  "a query imports business errors": {
    file: "services/chat/src/messages/b-queries.ts",
    code: imports("@sotto/platform/app-error"),
    finds: FORBIDDEN,
  },
  "a query opens a transaction": {
    file: "services/chat/src/messages/c-queries.ts",
    code: "export const f = (db: { transaction(): void }): void => db.transaction();\n",
    finds: "A query opens no transaction",
  },
  "a use case imports queries": {
    file: "services/chat/src/messages/send-message.ts",
    code: imports("./message-queries.ts"),
    finds: undefined,
  },
  "a use case imports hono": {
    file: "services/chat/src/messages/a-use-case.ts",
    code: imports("hono"),
    finds: FORBIDDEN,
  },
  "a use case imports socket.io": {
    file: "services/chat/src/messages/b-use-case.ts",
    code: imports("socket.io"),
    finds: FORBIDDEN,
  },
  "a use case imports a route": {
    file: "services/chat/src/messages/c-use-case.ts",
    code: imports("./routes.ts"),
    finds: FORBIDDEN,
  },
  "a pure rule imports pg": {
    file: "services/chat/src/messages/device-match.ts",
    code: imports("pg"),
    finds: FORBIDDEN,
  },
  "Date.now()": {
    file: "packages/client/src/c.ts",
    code: "export const a = Date.now();\n",
    finds: "injected clock",
  },
  "new Date()": {
    file: "services/chat/src/i.ts",
    code: "export const a = new Date();\n",
    finds: "injected clock",
  },
  "new Date(value)": {
    file: "services/chat/src/j.ts",
    code: "export const a = new Date(5);\n",
    finds: undefined,
  },
  "Math.random()": {
    file: "scripts/a.ts",
    code: "export const a = Math.random();\n",
    finds: "injected source",
  },
  "Date.now() in a clock": {
    file: "packages/client/src/clock.ts",
    code: "export const a = Date.now();\n",
    finds: undefined,
  },
  "a mocked module": {
    file: "packages/client/src/d.test.ts",
    code: 'import { vi } from "vitest";\nvi.mock("./a.ts");\n',
    finds: "mocking a module",
  },
  "a default export": {
    file: "scripts/b.ts",
    code: "export default 1;\n",
    finds: "lint/style/noDefaultExport",
  },
  "a barrel": {
    file: "packages/client/src/all.ts",
    code: 'export * from "./a.ts";\n',
    finds: "lint/performance/noBarrelFile",
  },
  "the SDK's own barrel": {
    file: "packages/client/src/index.ts",
    code: 'export * from "./a.ts";\n',
    finds: undefined,
  },
  "a file name in camel case": {
    file: "scripts/someFile.ts",
    code: "export const a = 1;\n",
    finds: "lint/style/useFilenamingConvention",
  },
  "a long function": {
    file: "scripts/c.ts",
    code: LONG_FUNCTION,
    finds: "lint/complexity/noExcessiveLinesPerFunction",
  },
  "a long function of a test": { file: "scripts/c.test.ts", code: LONG_FUNCTION, finds: undefined },
  "a tangled function": {
    file: "scripts/d.ts",
    code: TANGLED,
    finds: "lint/complexity/noExcessiveCognitiveComplexity",
  },
  "a long file": {
    file: "scripts/e.ts",
    code: Array.from({ length: 301 }, (_, line) => `export const a${line} = ${line};\n`).join(""),
    finds: "lint/style/noExcessiveLinesPerFile",
  },
  any: {
    file: "scripts/f.ts",
    code: "export const a = (b: any): void => b();\n",
    finds: "lint/suspicious/noExplicitAny",
  },
  "a skipped test": {
    file: "scripts/g.test.ts",
    code: 'import { it } from "vitest";\nit.skip("x", () => undefined);\n',
    finds: "lint/suspicious/noSkippedTests",
  },
  "a promise that nobody waits for": {
    file: "scripts/h.ts",
    code: "async function f(): Promise<void> {}\nexport function g(): void {\n  f();\n}\n",
    finds: "lint/nursery/noFloatingPromises",
  },
};

let folder: string;
let findings: { readonly file: string; readonly text: string }[];

interface Report {
  readonly diagnostics: readonly { category: string; message: unknown; location: { path: unknown } }[];
}

function pathOf(location: Report["diagnostics"][number]["location"]): string {
  const { path: found } = location as { path: string | { file: string } };
  return typeof found === "string" ? found : found.file;
}

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "sotto-lint-"));
  const config = JSON.parse(readFileSync(path.join(ROOT, "biome.json"), "utf8")) as Record<string, unknown>;
  // The scratch folder is no git repository.
  writeFileSync(
    path.join(folder, "biome.json"),
    JSON.stringify({ ...config, $schema: undefined, vcs: undefined }),
  );
  cpSync(path.join(ROOT, "scripts/lint"), path.join(folder, "scripts/lint"), { recursive: true });
  rmSync(path.join(folder, "scripts/lint/lint-rules.test.ts"));
  for (const { file, code } of Object.values(CASES)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), code);
  }
  const biome = path.join(ROOT, "node_modules/@biomejs/biome/bin/biome");
  const args = [biome, "lint", "--reporter=json", "--max-diagnostics=none", "."];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  const report = JSON.parse(stdout) as Report;
  findings = report.diagnostics.map(({ category, message, location }) => {
    return { file: pathOf(location), text: `${category} ${JSON.stringify(message)}` };
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the linter", () => {
  it.each(Object.entries(CASES).filter(([, { finds }]) => finds !== undefined))(
    "finds: %s",
    (_name, { file, finds }) => {
      const texts = findings.filter((finding) => finding.file === file).map(({ text }) => text);
      expect(texts.join("\n")).toContain(finds);
    },
  );

  it.each(Object.entries(CASES).filter(([, { finds }]) => finds === undefined))(
    "allows: %s",
    (_name, { file }) => {
      expect(findings.filter((finding) => finding.file === file)).toEqual([]);
    },
  );
});
