import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isoCBOR } from "@simplewebauthn/server/helpers";
import { PUBLIC_URL } from "../user-env-fixture.ts";

type CborMap = Parameters<typeof isoCBOR.encode>[0];

/** What goes into an answer; tests change parts of it. */
export type Forgery = {
  type?: string;
  challenge?: string;
  origin?: string;
  crossOrigin?: boolean;
  topOrigin?: string;
  rpId?: string;
  flags?: number;
  counter?: number;
  userHandle?: string | null;
  /** `self`: by the credential's own key (section 6.5.4); `certified`: by a certificate, as FIDO U2F does (section 8.6). */
  attestation?: "self" | "certified" | { fmt: string; attStmt: CborMap };
};

/** User present, user verified (Web Authentication Level 3 section 6.1). */
export const PRESENT = 0x01;
export const VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

/** Distinguished encoding (X.690) of a value shorter than 64 KiB. */
function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

/** A certificate of a public key that nobody has signed; nothing in it is true. */
function forgeCertificate(spki: Buffer): Buffer {
  const ecdsaWithSha256 = der(0x30, der(0x06, Buffer.from("2a8648ce3d040302", "hex")));
  const validity = der(
    0x30,
    der(0x17, Buffer.from("260101000000Z")),
    der(0x17, Buffer.from("490101000000Z")),
  );
  const body = der(0x30, der(0x02, Buffer.from([1])), ecdsaWithSha256, der(0x30), validity, der(0x30), spki);
  return der(0x30, body, ecdsaWithSha256, der(0x03, Buffer.alloc(9)));
}

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest();

/** An authenticator in software: one passkey, ES256, counting its uses. */
export function createAuthenticator({ origin = PUBLIC_URL }: { origin?: string } = {}) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const cose = isoCBOR.encode(
    new Map<number, number | Uint8Array>([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, new Uint8Array(Buffer.from(x, "base64url"))],
      [-3, new Uint8Array(Buffer.from(y, "base64url"))],
    ]),
  );
  const credentialId = randomBytes(32);
  const id = credentialId.toString("base64url");
  let counter = 0;
  let userHandle: string | null = null;

  function clientData(type: string, challenge: string, forged: Forgery): Buffer {
    const { crossOrigin = false, topOrigin } = forged;
    return Buffer.from(
      JSON.stringify({
        type: forged.type ?? type,
        challenge: forged.challenge ?? challenge,
        origin: forged.origin ?? origin,
        crossOrigin,
        ...(topOrigin !== undefined && { topOrigin }),
      }),
    );
  }

  function authenticatorData(flags: number, forged: Forgery, credential?: Uint8Array): Buffer {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(forged.counter ?? counter);
    const rpIdHash = sha256(forged.rpId ?? new URL(origin).hostname);
    return Buffer.concat([rpIdHash, Buffer.from([flags]), count, credential ?? Buffer.alloc(0)]);
  }

  function attest(authData: Buffer, clientDataHash: Buffer, { attestation }: Forgery) {
    const signed = (data: Uint8Array[]) => new Uint8Array(sign("sha256", Buffer.concat(data), privateKey));
    if (attestation === "self") {
      const attStmt = new Map<string, CborMap>([
        ["alg", -7],
        ["sig", signed([authData, clientDataHash])],
      ]);
      return { fmt: "packed", attStmt };
    }
    if (attestation === "certified") {
      const point = [Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")];
      const sig = signed([
        Buffer.from([0]),
        authData.subarray(0, 32),
        clientDataHash,
        credentialId,
        ...point,
      ]);
      const certificate = forgeCertificate(publicKey.export({ format: "der", type: "spki" }));
      const attStmt = new Map<string, CborMap>([
        ["sig", sig],
        ["x5c", [new Uint8Array(certificate)]],
      ]);
      return { fmt: "fido-u2f", attStmt };
    }
    return attestation ?? { fmt: "none", attStmt: new Map() };
  }

  return {
    id,
    /** The answer to `navigator.credentials.create`. */
    create(options: { challenge: string; user?: unknown }, forged: Forgery = {}) {
      userHandle = (options.user as { id: string } | undefined)?.id ?? null;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(credentialId.length);
      const credential = Buffer.concat([Buffer.alloc(16), length, credentialId, cose]);
      const flags = (forged.flags ?? PRESENT | VERIFIED) | HAS_CREDENTIAL;
      const authData = authenticatorData(flags, forged, credential);
      const clientDataJSON = clientData("webauthn.create", options.challenge, forged);
      const { fmt, attStmt } = attest(authData, sha256(clientDataJSON), forged);
      const attestationObject = isoCBOR.encode(
        new Map<string, CborMap>([
          ["fmt", fmt],
          ["attStmt", attStmt],
          ["authData", new Uint8Array(authData)],
        ]),
      );
      return {
        id,
        rawId: id,
        type: "public-key",
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientDataJSON.toString("base64url"),
          attestationObject: Buffer.from(attestationObject).toString("base64url"),
          transports: ["internal"],
        },
      };
    },
    /** The answer to `navigator.credentials.get`. */
    get(options: { challenge: string }, forged: Forgery = {}) {
      counter += 1;
      const clientDataJSON = clientData("webauthn.get", options.challenge, forged);
      const data = authenticatorData(forged.flags ?? PRESENT | VERIFIED, forged);
      const signature = sign("sha256", Buffer.concat([data, sha256(clientDataJSON)]), privateKey);
      return {
        id,
        rawId: id,
        type: "public-key",
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientDataJSON.toString("base64url"),
          authenticatorData: data.toString("base64url"),
          signature: signature.toString("base64url"),
          userHandle: forged.userHandle === undefined ? userHandle : forged.userHandle,
        },
      };
    },
  };
}

export type Authenticator = ReturnType<typeof createAuthenticator>;
