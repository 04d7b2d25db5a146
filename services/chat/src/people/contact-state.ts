import type { Contact } from "@sotto/contracts/people-api";
import type { ContactRow } from "./contact-queries.ts";

/** A contact as one of the two sees it. Whether it is hidden is nobody's business. */
export function toContact({ accountId, isAskedByOther, requestedAt, acceptedAt }: ContactRow): Contact {
  const pending = isAskedByOther ? "incoming" : "outgoing";
  return {
    accountId,
    state: acceptedAt ? "accepted" : pending,
    requestedAt: requestedAt.toISOString(),
    acceptedAt: acceptedAt?.toISOString() ?? null,
  };
}
