import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  imports: Record<string, { browser: string }>;
};

/** Every module specifier in a source file, static or dynamic, but for types. */
function specifiersOf(source: string): string[] {
  const runtime = source.replaceAll(/^(import|export) type [\s\S]*?from "[^"]+";$/gm, "");
  const found = runtime.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return [...found].map(([, specifier]) => specifier ?? "");
}

function resolve(specifier: string, from: URL): URL | undefined {
  if (specifier.startsWith(".")) return new URL(specifier, from);
  if (specifier.startsWith("#")) {
    return new URL(`../${manifest.imports[specifier]?.browser}`, import.meta.url);
  }
  const own = /^@sotto\/(\w+)\/(.+)$/.exec(specifier);
  return own === null ? undefined : new URL(`../../${own[1]}/src/${own[2]}.ts`, import.meta.url);
}

it("a browser that imports the SDK meets no module of Node", () => {
  const seen = new Set<string>();
  const outside = new Set<string>();
  const visit = (file: URL) => {
    if (seen.has(file.href)) return;
    seen.add(file.href);
    for (const specifier of specifiersOf(readFileSync(fileURLToPath(file), "utf8"))) {
      const next = resolve(specifier, file);
      if (next === undefined) outside.add(specifier);
      else visit(next);
    }
  };
  visit(new URL("./index.ts", import.meta.url));
  expect(seen.size).toBeGreaterThan(50);
  expect([...outside].filter((specifier) => specifier.startsWith("node:"))).toEqual([]);
  expect([...seen].filter((href) => href.endsWith("sqlite-store.ts"))).toEqual([]);
});
