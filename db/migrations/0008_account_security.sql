-- The life of an account beyond its registration: state, profile, second factors, links by mail, audit.

alter table account.account
  add column display_name text,
  add column email_verified_at timestamptz,
  -- `deactivated` and `deleting` end with the next sign-in; `deleting` has a date.
  add column state text not null default 'active',
  add column state_since timestamptz not null default now(),
  add column deletes_at timestamptz,
  add column suspended_reason text,
  add column operator_role text,
  add constraint account_display_name_length check (char_length(display_name) between 1 and 64),
  add constraint account_state_known check (state in ('active', 'deactivated', 'deleting', 'suspended')),
  add constraint account_deletes_when_deleting check ((state = 'deleting') = (deletes_at is not null)),
  add constraint account_suspended_with_reason check ((state = 'suspended') = (suspended_reason is not null)),
  add constraint account_role_known check (operator_role in ('auditor', 'moderator', 'administrator'));
-- Accounts whose grace has ended: delete-due-accounts.ts.
create index account_deletes_at on account.account (deletes_at) where deletes_at is not null;
-- Who may get a link to reset a password: accounts that proved the address.
create index account_verified_email on account.account (lower(email)) where email_verified_at is not null;
-- Accounts in one of the rarer states, in the order of their names: listOperatedAccounts.
create index account_not_active on account.account (state, username) where state <> 'active';
-- Operators: whether another administrator is left (hasOtherAdministrator).
create index account_operator on account.account (operator_role) where operator_role is not null;

alter table account.session
  -- What the client calls itself.
  add column client text,
  -- When the session last proved who it is; `auth_time` of its access tokens.
  add column authenticated_at timestamptz;
update account.session set authenticated_at = created_at;
alter table account.session alter column authenticated_at set not null;

-- The secret of an authenticator app, sealed by the service's own key: the database alone gives no codes.
create table account.totp (
  account_id uuid not null,
  sealed_secret bytea not null,
  created_at timestamptz not null,
  -- Null until a code has confirmed that the secret arrived.
  confirmed_at timestamptz,
  -- The time step of the last accepted code (RFC 6238 section 5.2): no code works twice.
  last_step bigint not null default 0,
  constraint totp_pkey primary key (account_id),
  constraint totp_account foreign key (account_id) references account.account on delete cascade
);

-- Keyed hashes; a used code's row is deleted.
create table account.recovery_code (
  account_id uuid not null,
  code_hash bytea not null,
  constraint recovery_code_pkey primary key (account_id, code_hash),
  constraint recovery_code_account foreign key (account_id) references account.account on delete cascade
);

create table account.passkey (
  passkey_id uuid not null,
  account_id uuid not null,
  credential_id bytea not null,
  -- COSE (RFC 9052).
  public_key bytea not null,
  sign_count bigint not null,
  transports text[] not null,
  name text not null,
  backed_up boolean not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  constraint passkey_pkey primary key (passkey_id),
  constraint passkey_credential_unique unique (credential_id),
  constraint passkey_account foreign key (account_id) references account.account on delete cascade
);
-- An account's passkeys, oldest first.
create index passkey_of_account on account.passkey (account_id, passkey_id);

-- Challenges are sealed into what the client holds, so that asking for them stores nothing. Using one leaves its id here.
create table account.used_challenge (
  challenge_id uuid not null,
  expires_at timestamptz not null,
  constraint used_challenge_pkey primary key (challenge_id)
);
-- What can be forgotten.
create index used_challenge_expired on account.used_challenge (expires_at);

-- Links in mails. One of each purpose for an account: a newer one replaces the older.
create table account.mail_token (
  account_id uuid not null,
  purpose text not null,
  -- SHA-256.
  token_hash bytea not null,
  -- The address that the link proves.
  email text not null,
  expires_at timestamptz not null,
  constraint mail_token_pkey primary key (account_id, purpose),
  constraint mail_token_hash_unique unique (token_hash),
  constraint mail_token_purpose_known check (purpose in ('verify-email', 'change-email', 'reset-password')),
  constraint mail_token_account foreign key (account_id) references account.account on delete cascade
);
-- Links that can be forgotten.
create index mail_token_expired on account.mail_token (expires_at);

-- Keys that sign access tokens. The private half is sealed by the service's own key.
create table account.signing_key (
  kid text not null,
  -- Ed25519, base64url as in a JWK (RFC 8037).
  public_x text not null,
  sealed_private bytea not null,
  created_at timestamptz not null,
  -- Published from its creation on, signing from here on, so that verifiers know it before they meet it.
  signs_from timestamptz not null,
  -- From here on it is neither published nor accepted.
  retires_at timestamptz,
  constraint signing_key_pkey primary key (kid)
);

-- Security events of an account. Entries outlive sessions, and go with the account.
create table account.audit_entry (
  audit_id uuid not null,
  account_id uuid not null,
  type text not null,
  at timestamptz not null,
  -- The operator, when it was not the owner.
  actor_account_id uuid,
  address inet,
  client text,
  session_id uuid,
  details jsonb not null,
  constraint audit_entry_pkey primary key (audit_id),
  constraint audit_entry_account foreign key (account_id) references account.account on delete cascade,
  constraint audit_entry_actor foreign key (actor_account_id) references account.account on delete set null
);
-- The owner's page, newest first: listAuditEntries.
create index audit_entry_of_account on account.audit_entry (account_id, audit_id desc);
-- What an operator did, newest first; and the foreign key.
create index audit_entry_of_actor on account.audit_entry (actor_account_id, audit_id desc) where actor_account_id is not null;

-- Whether an account has signed in from an address before: hasSignedInFrom.
create index audit_entry_of_sign_in on account.audit_entry (account_id, address) where type = 'signed-in';

-- Limits that hold across nodes (packages/platform/src/limiter.ts). Unlogged: a crash forgets them, and no more.
create unlogged table account.rate_limit (
  key text not null,
  points integer not null,
  -- Milliseconds since 1970.
  expire bigint,
  constraint rate_limit_pkey primary key (key)
);
-- Limits whose window has passed are forgotten.
create index rate_limit_expired on account.rate_limit (expire);
