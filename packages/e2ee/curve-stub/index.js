// The Signal library imports this package and makes one AsyncCurve25519Wrapper while it loads.
// The original is an Emscripten build that installs "uncaughtException" and "unhandledRejection"
// handlers on import, is not constant time, and accepts the all-zero point. The real curve is given
// to the library by setCurve(); see src/install-crypto.ts. Until then every operation refuses.

function refuse() {
  throw new Error("No curve: call setCurve() before using the Signal library");
}

export class Curve25519Wrapper {
  static async create() {
    return new Curve25519Wrapper();
  }
  keyPair = refuse;
  sharedSecret = refuse;
  sign = refuse;
  verify = refuse;
}

export class AsyncCurve25519Wrapper {
  keyPair = async () => refuse();
  sharedSecret = async () => refuse();
  sign = async () => refuse();
  verify = async () => refuse();
}
