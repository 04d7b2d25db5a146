// Stored mails as what people and tests want to see of them.
import PostalMime, { type Address } from "postal-mime";
import type { MailStore } from "./mail-store.ts";

export interface MailMessage {
  readonly id: string;
  readonly receivedAt: string;
  readonly messageId: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** In the order of the mail, unfolded and as they were sent. */
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export interface MailMessages {
  /** Newest first. */
  list(): Promise<MailMessage[]>;
  find(id: string): Promise<MailMessage | undefined>;
}

function addressText({ name, address }: Address): string {
  if (!address) return name;
  return name ? `${name} <${address}>` : address;
}

async function parse(store: MailStore, id: string): Promise<MailMessage | undefined> {
  const mail = store.find(id);
  if (mail === undefined) return undefined;
  const parsed = await PostalMime.parse(mail.raw);
  return {
    id,
    receivedAt: mail.receivedAt.toISOString(),
    messageId: parsed.messageId ?? "",
    from: parsed.from ? addressText(parsed.from) : "",
    to: (parsed.to ?? []).map((to) => to.address ?? addressText(to)),
    subject: parsed.subject ?? "",
    text: parsed.text ?? "",
    html: parsed.html ?? "",
    headers: parsed.headers.map(({ originalKey, value }) => ({ name: originalKey, value })),
  };
}

/** Parses each mail once. */
export function readMessages(store: MailStore): MailMessages {
  const known = new Map<string, MailMessage>();
  const find = async (id: string): Promise<MailMessage | undefined> => {
    const message = known.get(id) ?? (await parse(store, id));
    if (message !== undefined) known.set(id, message);
    return message;
  };
  return {
    find,
    list: async () => {
      const ids = store.list();
      const kept = new Set(ids);
      for (const id of known.keys()) if (!kept.has(id)) known.delete(id);
      const messages = await Promise.all(ids.map(find));
      return messages.filter((message) => message !== undefined);
    },
  };
}
