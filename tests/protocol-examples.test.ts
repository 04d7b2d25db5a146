import { expect, test } from "vitest";
import { differences, readExamples } from "./protocol-examples.ts";

test.each([
  [{ a: "<uuid>" }, { a: "no uuid" }],
  [{ a: 1 }, { a: 2 }],
  [{ a: 1 }, { a: 1, b: 2 }],
  [{ a: 1, b: 2 }, { a: 1 }],
  [[1], []],
  [[], [1]],
  [{ a: "BQ…" }, { a: "CQxx" }],
  ["<time>", "yesterday"],
])("an example that is not true is told: %j is not %j", (example, real) => {
  expect(differences(example, real)).not.toEqual([]);
});

test("an example may leave out characters and members where it says so", () => {
  const [example] = readExamples(
    '```http\nGET /x\n```\n\n```http\n200\n{ "a": "BQ…", "b": [{ "c": "<number>" }], … }\n```\n',
  );
  expect(differences(example?.answer, { a: "BQxx", b: [{ c: 1 }, { c: 2 }], d: true })).toEqual([]);
});
