/** A raw X25519 key pair: 32 bytes each, without Signal's type byte. */
export interface KeyPair {
  pubKey: ArrayBuffer;
  privKey: ArrayBuffer;
}

export interface Curve {
  keyPair(privateKey: ArrayBuffer): KeyPair;
  sharedSecret(publicKey: ArrayBuffer, privateKey: ArrayBuffer): ArrayBuffer;
  sign(privateKey: ArrayBuffer, message: ArrayBuffer): ArrayBuffer;
  /** Returns true when the signature is INVALID: the library expects it this way round. */
  verify(publicKey: ArrayBuffer, message: ArrayBuffer, signature: ArrayBuffer): boolean;
}

export interface AsyncCurve {
  keyPair(privateKey: ArrayBuffer): Promise<KeyPair>;
  sharedSecret(publicKey: ArrayBuffer, privateKey: ArrayBuffer): Promise<ArrayBuffer>;
  sign(privateKey: ArrayBuffer, message: ArrayBuffer): Promise<ArrayBuffer>;
  /** Resolves to true when the signature is INVALID: the library expects it this way round. */
  verify(publicKey: ArrayBuffer, message: ArrayBuffer, signature: ArrayBuffer): Promise<boolean>;
}

export declare class Curve25519Wrapper implements Curve {
  static create(): Promise<Curve25519Wrapper>;
  keyPair(privateKey: ArrayBuffer): KeyPair;
  sharedSecret(publicKey: ArrayBuffer, privateKey: ArrayBuffer): ArrayBuffer;
  sign(privateKey: ArrayBuffer, message: ArrayBuffer): ArrayBuffer;
  verify(publicKey: ArrayBuffer, message: ArrayBuffer, signature: ArrayBuffer): boolean;
}

export declare class AsyncCurve25519Wrapper implements AsyncCurve {
  keyPair(privateKey: ArrayBuffer): Promise<KeyPair>;
  sharedSecret(publicKey: ArrayBuffer, privateKey: ArrayBuffer): Promise<ArrayBuffer>;
  sign(privateKey: ArrayBuffer, message: ArrayBuffer): Promise<ArrayBuffer>;
  verify(publicKey: ArrayBuffer, message: ArrayBuffer, signature: ArrayBuffer): Promise<boolean>;
}
