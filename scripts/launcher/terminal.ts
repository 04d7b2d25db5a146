// What the person at the terminal sees.

export interface Terminal {
  line(text: string): void;
  part(name: string, text: string): void;
  /** Something that a part logged; the same text of the same part is shown once in a while only. */
  partSays(name: string, text: string): void;
}

const NAME_WIDTH = 13;
const REPEAT_MS = 10_000;
const LONGEST_TEXT = 400;

export function createTerminal(write: (text: string) => void): Terminal {
  const lastShownMs = new Map<string, number>();
  const part = (name: string, text: string): void => write(`  ${name.padEnd(NAME_WIDTH)} ${text}\n`);
  return {
    line: (text) => write(`${text}\n`),
    part,
    partSays: (name, text) => {
      const shown = text.slice(0, LONGEST_TEXT);
      const key = `${name} ${shown}`;
      const nowMs = performance.now();
      if (nowMs - (lastShownMs.get(key) ?? Number.NEGATIVE_INFINITY) < REPEAT_MS) return;
      if (lastShownMs.size > 1000) lastShownMs.clear();
      lastShownMs.set(key, nowMs);
      part(name, shown);
    },
  };
}
