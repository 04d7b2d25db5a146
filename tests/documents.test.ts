import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");
const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...["docs", "docs/adr", "docs/runbooks"].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder))
      .filter((name) => name.endsWith(".md"))
      .map((name) => path.join(folder, name)),
  ),
];

/** What a document links to within the repository, seen from the root. */
function linksOf(document: string): string[] {
  const text = readFileSync(path.join(ROOT, document), "utf8");
  return [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
    .map((match) => match[1] ?? "")
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => path.join(path.dirname(document), target));
}

test.each(DOCUMENTS)("every link of %s leads to a file", (document) => {
  expect(linksOf(document).filter((target) => !existsSync(path.join(ROOT, target)))).toEqual([]);
});

test("every promise of the security page names a test", () => {
  const text = readFileSync(path.join(ROOT, "SECURITY.md"), "utf8");
  const rows = text
    .split("\n")
    .filter((line) => /^\| (?!---|promise |do )/.test(line) && !/^\|---/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.filter((row) => !/\.test\.ts\)/.test(row))).toEqual([]);
});
