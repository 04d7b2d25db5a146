-- Devices and prekeys. Conversations, messages and mailboxes follow in 0007.

-- An account as the chat service knows it: from its first device on, also when it has no device left.
create table chat.account (
  account_id uuid not null,
  -- Ed25519, pinned for ever by the first device.
  account_key bytea not null,
  -- Version and SHA-256 of the newest row of device_list.
  list_version integer not null,
  list_hash bytea not null,
  created_at timestamptz not null,
  constraint account_pkey primary key (account_id),
  constraint account_key_length check (octet_length(account_key) = 32),
  constraint account_list_hash_length check (octet_length(list_hash) = 32)
);

-- Every device list an account ever signed, byte for byte: clients follow the chain from the version they know.
create table chat.device_list (
  account_id uuid not null,
  version integer not null,
  bytes bytea not null,
  signature bytea not null,
  created_at timestamptz not null,
  constraint device_list_pkey primary key (account_id, version),
  constraint device_list_account_fkey foreign key (account_id) references chat.account (account_id)
);

-- Narrow, because every send reads the rows of its recipients; the signed keys stand in device_keys.
create table chat.device (
  account_id uuid not null,
  device_id uuid not null,
  registration_id integer not null,
  identity_key bytea not null,
  -- The session that acts as this device; null once that session was revoked.
  session_id uuid,
  -- SHA-256 of the request that registered the device, so that its repeat is recognised.
  request_hash bytea not null,
  -- When something was dropped for this device and it has not yet acknowledged that.
  gap_at timestamptz,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  -- The devices of an account: read for every send.
  constraint device_pkey primary key (account_id, device_id),
  -- One device by its id, for foreign keys and for whoever claims or binds it.
  constraint device_id_unique unique (device_id),
  constraint device_account_fkey foreign key (account_id) references chat.account (account_id),
  constraint device_identity_key_length check (octet_length(identity_key) = 33)
);

create table chat.device_keys (
  device_id uuid not null,
  signed_key_id integer not null,
  signed_key bytea not null,
  signed_key_signature bytea not null,
  last_resort_key_id integer not null,
  last_resort_key bytea not null,
  last_resort_signature bytea not null,
  -- Claims that got the last-resort key since it was uploaded.
  last_resort_used integer not null default 0,
  -- The highest id of a one-time key ever uploaded. A lower one that is not stored any more has been handed out
  -- or replaced, and is never stored again.
  one_time_highest_id integer not null,
  one_time_kem_highest_id integer not null,
  -- SHA-256 of the part last uploaded, so that its repeat is recognised after some of its keys were claimed.
  one_time_hash bytea not null,
  one_time_kem_hash bytea not null,
  constraint device_keys_pkey primary key (device_id),
  constraint device_keys_device_fkey foreign key (device_id) references chat.device (device_id) on delete cascade
);

-- A row is deleted by the claim that hands it out.
create table chat.one_time_prekey (
  device_id uuid not null,
  key_id integer not null,
  public_key bytea not null,
  constraint one_time_prekey_pkey primary key (device_id, key_id),
  constraint one_time_prekey_device_fkey foreign key (device_id) references chat.device (device_id) on delete cascade
);

create table chat.one_time_kem_prekey (
  device_id uuid not null,
  key_id integer not null,
  public_key bytea not null,
  signature bytea not null,
  constraint one_time_kem_prekey_pkey primary key (device_id, key_id),
  constraint one_time_kem_prekey_device_fkey foreign key (device_id) references chat.device (device_id) on delete cascade
);

-- Limits that hold across nodes (packages/platform/src/limiter.ts). Unlogged: a crash forgets them, and no more.
create unlogged table chat.rate_limit (
  key text not null,
  points integer not null,
  -- Milliseconds since 1970.
  expire bigint,
  constraint rate_limit_pkey primary key (key)
);
