import type { SecurityNotice } from "@sotto/contracts/events";

/** A text by the plural categories that a language has (CLDR); `count` is written as the language writes numbers. */
export type Plural<Category extends Intl.LDMLPluralRule> = Readonly<
  Record<Category | "other", (count: string) => string>
>;

type Head = {
  readonly subject: string;
  /** What a list of mails shows behind the subject. */
  readonly preview: string;
};

export type NoticeWords = Head & {
  readonly what: string;
  /** What to do when it was not the owner: a whole sentence. */
  readonly otherwise: string;
};

/**
 * All words of all mails in one language. A text that is missing does not compile. `Category`: the plural categories of
 * the language.
 */
export type Catalogue<Category extends Intl.LDMLPluralRule = "other"> = {
  /** Of the rules for plurals, numbers and dates (BCP 47). */
  readonly locale: string;
  readonly greeting: { readonly named: (name: string) => string; readonly nameless: string };
  /** Under every mail: why it came; `host` is where the installation is. */
  readonly footer: (host: string) => string;
  readonly facts: { readonly when: string; readonly client: string };
  readonly welcome: Head & { readonly paragraphs: readonly string[]; readonly ignore: string };
  readonly verify: {
    readonly action: string;
    readonly until: (time: string) => string;
    readonly register: Head & { readonly why: string; readonly ignore: string };
    readonly change: Head & { readonly why: string; readonly ignore: string };
  };
  readonly reset: Head & {
    readonly why: string;
    readonly action: string;
    readonly until: (time: string) => string;
    readonly ignore: string;
  };
  readonly notices: Readonly<Record<SecurityNotice, NoticeWords>>;
  readonly device: NoticeWords;
  readonly digest: {
    readonly subject: Plural<Category>;
    readonly preview: string;
    readonly waiting: Plural<Category>;
    readonly encrypted: string;
    readonly action: string;
    readonly unsubscribe: string;
  };
};
