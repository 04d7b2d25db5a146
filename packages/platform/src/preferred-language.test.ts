import { expect, test } from "vitest";
import { preferredLanguage } from "./preferred-language.ts";

test.each([
  ["de-AT,de;q=0.9,en;q=0.8", "de-AT"],
  ["en;q=0.2, pt-BR;q=0.7", "pt-BR"],
  ["*", null],
  ["*, fr;q=0.5", "fr"],
  ["", null],
  [undefined, null],
  [";;;,,q=", null],
  ["x".repeat(10_000), null],
  ["de_DE", null],
  ["<script>, en", "en"],
])("of %s the language %s is taken", (header, expected) => {
  expect(preferredLanguage(header)).toBe(expected);
});
