// A store in memory that remembers every secret that was ever written to it.
import { memoryStore, type StoreOpener } from "@sotto/client";

const SECRET_NAME = /priv|secret|(root|chain|content|message|send|receive)key/i;

export type Secrets = { readonly opener: StoreOpener; readonly found: Map<string, Buffer> };

/** Secrets by where they stood: private keys, ratchet keys and content keys of 32 bytes and more. */
export function recordSecrets(): Secrets {
  const found = new Map<string, Buffer>();
  const inner = memoryStore();
  const opener: StoreOpener = {
    async open() {
      const store = await inner.open();
      return {
        get: (table, key) => store.get(table, key),
        list: (table, range) => store.list(table, range),
        close: () => store.close(),
        async commit(writes) {
          for (const { table, key, value } of writes) if (value) record(found, `${table}/${key}`, value);
          await store.commit(writes);
        },
      };
    },
  };
  return { opener, found };
}

function record(found: Map<string, Buffer>, place: string, value: Uint8Array): void {
  // The account's private key is a row of nothing but bytes; other such rows are no secrets.
  if (place.startsWith("e2ee-account/")) found.set(place, Buffer.from(value));
  const text = Buffer.from(value).toString("utf8");
  if (text.startsWith("{")) walk(found, place, JSON.parse(text), false);
}

function walk(found: Map<string, Buffer>, place: string, value: unknown, isSecret: boolean): void {
  if (typeof value === "string") {
    if (isSecret) keep(found, place, value);
    else if (value.startsWith("{")) walk(found, place, JSON.parse(value), false);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      walk(found, `${place}.${name}`, inner, isSecret || SECRET_NAME.test(name));
    }
  }
}

function keep(found: Map<string, Buffer>, place: string, base64: string): void {
  const bytes = Buffer.from(base64, "base64");
  if (bytes.length >= 32) found.set(place, bytes);
}
