/** Every limit that a client can meet. Sizes are bytes before base64 unless the name says otherwise. */
export const limits = {
  /** Sealed content of one message. */
  contentBytes: 96 * 1024,
  /** One envelope: the content key for one device. First messages carry an ML-KEM ciphertext. */
  envelopeBytes: 4 * 1024,
  devicesPerAccount: 6,
  /** Accounts in one conversation. */
  membersPerConversation: 250,
  oneTimePrekeys: 100,
  oneTimeKemPrekeys: 100,
  /** Unacknowledged envelopes in flight to one device. */
  deliveryWindow: 256,
  /**
   * Content and envelopes in flight to one device: nothing more is sent while there is as much. The last message may
   * go beyond, so that there is room for any message when none is in flight. Bounds a page of the inbox likewise.
   */
  deliveryWindowBytes: 1024 * 1024,
  /** Envelope ids in one acknowledgement. */
  acknowledgedPerFrame: 256,
  deviceListBytes: 16 * 1024,
  /** A frame on the socket, and the body of a request that sends a message, as text. */
  frameBytes: 1024 * 1024,
  /** Body of a request that registers a device or uploads its keys, as text. */
  keyUploadBytes: 512 * 1024,
  /** Body of a REST request that does not send a message or upload keys, as text. */
  bodyBytes: 64 * 1024,
  usernameMin: 3,
  usernameMax: 32,
  emailMax: 254,
  passwordMin: 12,
  /** Bounds the work of the password hash, not the taste of the user. */
  passwordMax: 256,
  searchPrefixMax: 32,
  /** Characters of a name that a person chose for itself or for a passkey. */
  displayNameMax: 64,
  /** Characters of the name by which a client lists its session. */
  clientNameMax: 64,
  /** Characters of a language tag (RFC 5646 section 4.4.1). */
  languageMax: 35,
  /** Characters of the name of a time zone. */
  timeZoneMax: 64,
  passkeysPerAccount: 10,
  /** More than there are devices, so that a new one finds room before the old ones are gone; the oldest make way. */
  pushSubscriptionsPerAccount: 10,
  /** Characters of the address of a push service. */
  pushEndpointMax: 2048,
  recoveryCodes: 10,
  /** Accounts that one account may block, and contacts (requests included) that it may have. */
  blocksPerAccount: 10_000,
  contactsPerAccount: 10_000,
  /** Notifications that an account keeps, and how many of them may be of one kind, so that a flood of one hides no other. */
  notificationsPerAccount: 1000,
  notificationsPerKind: 200,
  reasonMax: 500,
  pageMax: 100,
  pageDefault: 50,
} as const;
