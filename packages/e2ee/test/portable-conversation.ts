// Runs a conversation where WebCrypto has neither X25519 nor ML-KEM, as in older browsers; prints "ok".
// Started by platform.test.ts in a process of its own, because the package asks the platform only once.
const native = crypto.subtle.importKey.bind(crypto.subtle);
const refusing = (
  format: "raw",
  key: ArrayBuffer,
  algorithm: AlgorithmIdentifier,
  ...rest: [boolean, KeyUsage[]]
) => {
  const name = typeof algorithm === "string" ? algorithm : algorithm.name;
  if (name === "X25519" || name.startsWith("ML-KEM")) throw new DOMException(name, "NotSupportedError");
  return native(format, key, algorithm, ...rest);
};
Object.defineProperty(crypto.subtle, "importKey", { value: refusing });
Object.defineProperty(crypto.subtle, "generateKey", {
  value: () => Promise.reject(new DOMException("no", "NotSupportedError")),
});

const { createPerson, deliver } = await import("./person.ts");
const [alice, bob] = [await createPerson(1), await createPerson(1)];
await deliver(alice, bob);
await deliver(bob, alice);
await deliver(alice, bob);
process.stdout.write("ok");
