import { expect, it } from "vitest";
import { chooseLanguage } from "./choose-language.ts";

it.each([
  ["de", "de"],
  ["DE", "de"],
  ["de-CH", "de"],
  ["de-CH-1996", "de"],
  ["de-x-private", "de"],
  ["en-GB", "en"],
  ["fr", "en"],
  ["deu", "en"],
  ["", "en"],
  ["-", "en"],
  ["toString", "en"],
  [null, "en"],
])("%s is written to in %s", (wanted, language) => {
  expect(chooseLanguage(wanted, "en")).toBe(language);
});

it("what cannot be chosen is the default of the installation", () => {
  expect(chooseLanguage("fr-CA", "de")).toBe("de");
});
