import type { Catalogue } from "./catalogue.ts";
import { de } from "./de.ts";
import { en } from "./en.ts";

/** By language tag (BCP 47). Each has the plural categories of its own language. */
export const catalogues = { en, de } as const;
export type Language = keyof typeof catalogues;
export const languages = Object.keys(catalogues) as [Language, ...Language[]];

const isLanguage = (tag: string): tag is Language => Object.hasOwn(catalogues, tag);

/**
 * The language to write in: the wanted tag, or what is left of it when subtags are taken off its end, if there is a
 * catalogue for that; else `fallback` (RFC 4647 section 3.4, lookup). As `de-CH-1996`, `de-CH`, `de`.
 */
export function chooseLanguage(wanted: string | null, fallback: Language): Language {
  const subtags = (wanted ?? "").toLowerCase().split("-");
  while (subtags.length > 0) {
    const tag = subtags.join("-");
    if (isLanguage(tag)) return tag;
    subtags.pop();
  }
  return fallback;
}

/** How a language writes what is no text. */
export type Writing = {
  /** As "25 November 2026, 15:50 UTC": nobody has told us where the reader is. */
  time(instant: string): string;
  /** The text for this many. */
  plural(texts: Catalogue["digest"]["waiting"], count: number): string;
};

export function writingOf({ locale }: Pick<Catalogue, "locale">): Writing {
  const timeZone = "UTC";
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeZone });
  const hour = new Intl.DateTimeFormat(locale, { timeStyle: "short", timeZone });
  const rules = new Intl.PluralRules(locale);
  const number = new Intl.NumberFormat(locale);
  return {
    time: (instant) => {
      const at = Date.parse(instant);
      return `${day.format(at)}, ${hour.format(at)} UTC`;
    },
    plural: (texts, count) => {
      const byCategory: Partial<Record<Intl.LDMLPluralRule, (count: string) => string>> = texts;
      return (byCategory[rules.select(count)] ?? texts.other)(number.format(count));
    },
  };
}
