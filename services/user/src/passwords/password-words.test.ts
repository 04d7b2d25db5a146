import { expect, test } from "vitest";
import { passwordWords } from "./password-words.ts";

test("names, addresses, their parts and the name of the product are guesses", () => {
  const words = passwordWords({
    username: "al_1",
    email: "Alice.Smith@mail.example.org",
    displayName: "Alice B",
  });
  expect(new Set(words)).toEqual(
    new Set([
      "al_1",
      "alice.smith",
      "alice",
      "smith",
      "mail.example.org",
      "mail",
      "example",
      "org",
      "alice b",
      "sotto",
    ]),
  );
});
