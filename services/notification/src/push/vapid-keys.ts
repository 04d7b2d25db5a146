import { createECDH } from "node:crypto";
import { z } from "zod";

/** Base64url of the 32 and 65 bytes of a key pair on P-256. */
export type VapidKeys = { readonly privateKey: string; readonly publicKey: string };

/** The private key by which this installation signs to push services (RFC 8292); the public half follows from it. */
export const vapidPrivateKey = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, "must be base64url of 32 bytes")
  .transform((privateKey, context): VapidKeys => {
    const pair = createECDH("prime256v1");
    try {
      pair.setPrivateKey(privateKey, "base64url");
    } catch {
      context.addIssue({ code: "custom", message: "not a private key of P-256" });
      return z.NEVER;
    }
    return { privateKey, publicKey: pair.getPublicKey("base64url") };
  });

/** Whom a push service writes to when something is wrong with the pushes (RFC 8292 section 2.1). */
export const vapidSubject = z.union([
  z.url({ protocol: /^https$/ }),
  z.string().regex(/^mailto:[^<>\s@]+@[^<>\s@]+$/, "must be https:… or mailto:…"),
]);

/** The address of the installation where that is public by its form, else the sender of its mails. */
export function defaultSubject({ PUBLIC_URL, MAIL_FROM }: { PUBLIC_URL: string; MAIL_FROM: string }): string {
  if (PUBLIC_URL.startsWith("https:")) return new URL(PUBLIC_URL).origin;
  return `mailto:${/<([^<>]+)>$/.exec(MAIL_FROM)?.[1] ?? MAIL_FROM}`;
}
