// Certificates for servers of the tests, by an authority that nobody else trusts.
// What x509 finds its parts by; has to come first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { systemClock } from "@sotto/platform/clock";

/** PEM, as node:tls takes it. */
export type TestCertificate = { readonly ca: string; readonly cert: string; readonly key: string };

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY_MS = 24 * 3_600_000;

const newKeys = () => crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

/** A certificate for `names` and `addresses`, and that of the new authority which signed it. Good for a day. */
export async function issueCertificate(to: {
  names: readonly string[];
  addresses: readonly string[];
}): Promise<TestCertificate> {
  const [authority, server] = await Promise.all([newKeys(), newKeys()]);
  const now = systemClock.now().getTime();
  const validity = { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + DAY_MS) };
  const issuer = "CN=Sotto tests";
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: issuer,
    ...validity,
    signingAlgorithm: ALGORITHM,
    keys: authority,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: "02",
    subject: `CN=${to.names[0] ?? to.addresses[0]}`,
    issuer,
    ...validity,
    signingAlgorithm: ALGORITHM,
    publicKey: server.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        ...to.names.map((value) => ({ type: "dns" as const, value })),
        ...to.addresses.map((value) => ({ type: "ip" as const, value })),
      ]),
    ],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", server.privateKey);
  return {
    ca: ca.toString("pem"),
    cert: cert.toString("pem"),
    key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"),
  };
}
