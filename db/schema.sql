-- Made by "npm run db:dump" from the migrations. Do not edit; not meant to be run.

-- ---- roles ----
create role sotto_chat login;
create role sotto_notification login;
create role sotto_relay login;
create role sotto_user login;
alter role sotto_chat set search_path=chat;
alter role sotto_notification set search_path=notify;
alter role sotto_relay set search_path=outbox;
alter role sotto_user set search_path=account;
grant delete, insert, select, update on all tables in schema bus to sotto_chat;
grant delete, insert, select, update on all tables in schema bus to sotto_notification;
grant delete, insert, select, update on all tables in schema bus to sotto_relay;

-- ---- account ----
grant usage on schema account to sotto_user;
grant delete, insert, select, update on future tables in schema account to sotto_user;
grant usage on future sequences in schema account to sotto_user;

create table account.account (
  account_id uuid not null,
  username text collate "C" not null,
  email text not null,
  password_hash text not null,
  created_at timestamp with time zone not null,
  display_name text,
  email_verified_at timestamp with time zone,
  state text not null default 'active'::text,
  state_since timestamp with time zone not null default now(),
  deletes_at timestamp with time zone,
  suspended_reason text,
  operator_role text,
  language text,
  constraint account_pkey PRIMARY KEY (account_id),
  constraint account_username_unique UNIQUE (username),
  constraint account_deletes_when_deleting CHECK ((state = 'deleting'::text) = (deletes_at IS NOT NULL)),
  constraint account_display_name_length CHECK (char_length(display_name) >= 1 AND char_length(display_name) <= 64),
  constraint account_language_length CHECK (char_length(language) >= 2 AND char_length(language) <= 35),
  constraint account_role_known CHECK (operator_role = ANY (ARRAY['auditor'::text, 'moderator'::text, 'administrator'::text])),
  constraint account_state_known CHECK (state = ANY (ARRAY['active'::text, 'deactivated'::text, 'deleting'::text, 'suspended'::text])),
  constraint account_suspended_with_reason CHECK ((state = 'suspended'::text) = (suspended_reason IS NOT NULL)),
  constraint account_username_form CHECK (username ~ '^[a-z][a-z0-9_]{2,31}$'::text)
);
CREATE INDEX account_deletes_at ON account.account USING btree (deletes_at) WHERE (deletes_at IS NOT NULL);
CREATE INDEX account_not_active ON account.account USING btree (state, username) WHERE (state <> 'active'::text);
CREATE INDEX account_operator ON account.account USING btree (operator_role) WHERE (operator_role IS NOT NULL);
CREATE INDEX account_verified_email ON account.account USING btree (lower(email)) WHERE (email_verified_at IS NOT NULL);
grant delete, insert, select, update on account.account to sotto_user;

create table account.audit_entry (
  audit_id uuid not null,
  account_id uuid not null,
  type text not null,
  at timestamp with time zone not null,
  actor_account_id uuid,
  address inet,
  client text,
  session_id uuid,
  details jsonb not null,
  constraint audit_entry_pkey PRIMARY KEY (audit_id),
  constraint audit_entry_account FOREIGN KEY (account_id) REFERENCES account.account(account_id) ON DELETE CASCADE,
  constraint audit_entry_actor FOREIGN KEY (actor_account_id) REFERENCES account.account(account_id) ON DELETE SET NULL
);
CREATE INDEX audit_entry_of_account ON account.audit_entry USING btree (account_id, audit_id DESC);
CREATE INDEX audit_entry_of_actor ON account.audit_entry USING btree (actor_account_id, audit_id DESC) WHERE (actor_account_id IS NOT NULL);
CREATE INDEX audit_entry_of_sign_in ON account.audit_entry USING btree (account_id, address) WHERE (type = 'signed-in'::text);
grant delete, insert, select, update on account.audit_entry to sotto_user;

create table account.mail_token (
  account_id uuid not null,
  purpose text not null,
  token_hash bytea not null,
  email text not null,
  expires_at timestamp with time zone not null,
  constraint mail_token_pkey PRIMARY KEY (account_id, purpose),
  constraint mail_token_hash_unique UNIQUE (token_hash),
  constraint mail_token_purpose_known CHECK (purpose = ANY (ARRAY['verify-email'::text, 'change-email'::text, 'reset-password'::text])),
  constraint mail_token_account FOREIGN KEY (account_id) REFERENCES account.account(account_id) ON DELETE CASCADE
);
CREATE INDEX mail_token_expired ON account.mail_token USING btree (expires_at);
grant delete, insert, select, update on account.mail_token to sotto_user;

create table account.passkey (
  passkey_id uuid not null,
  account_id uuid not null,
  credential_id bytea not null,
  public_key bytea not null,
  sign_count bigint not null,
  transports text[] not null,
  name text not null,
  backed_up boolean not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  constraint passkey_pkey PRIMARY KEY (passkey_id),
  constraint passkey_credential_unique UNIQUE (credential_id),
  constraint passkey_account FOREIGN KEY (account_id) REFERENCES account.account(account_id) ON DELETE CASCADE
);
CREATE INDEX passkey_of_account ON account.passkey USING btree (account_id, passkey_id);
grant delete, insert, select, update on account.passkey to sotto_user;

create unlogged table account.rate_limit (
  key text not null,
  points integer not null,
  expire bigint,
  constraint rate_limit_pkey PRIMARY KEY (key)
);
CREATE INDEX rate_limit_expired ON account.rate_limit USING btree (expire);
grant delete, insert, select, update on account.rate_limit to sotto_user;

create table account.recovery_code (
  account_id uuid not null,
  code_hash bytea not null,
  constraint recovery_code_pkey PRIMARY KEY (account_id, code_hash),
  constraint recovery_code_account FOREIGN KEY (account_id) REFERENCES account.account(account_id) ON DELETE CASCADE
);
grant delete, insert, select, update on account.recovery_code to sotto_user;

create table account.session (
  session_id uuid not null,
  account_id uuid not null,
  created_at timestamp with time zone not null,
  last_used_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  refresh_key bytea not null,
  refresh_used_hash bytea,
  refresh_successor_hashes bytea[] not null,
  client text,
  authenticated_at timestamp with time zone not null,
  constraint session_pkey PRIMARY KEY (session_id),
  constraint session_account FOREIGN KEY (account_id) REFERENCES account.account(account_id) ON DELETE CASCADE
) with (fillfactor=80);
CREATE INDEX session_of_account ON account.session USING btree (account_id);
grant delete, insert, select, update on account.session to sotto_user;

create table account.signing_key (
  kid text not null,
  public_x text not null,
  sealed_private bytea not null,
  created_at timestamp with time zone not null,
  signs_from timestamp with time zone not null,
  retires_at timestamp with time zone,
  constraint signing_key_pkey PRIMARY KEY (kid)
);
grant delete, insert, select, update on account.signing_key to sotto_user;

create table account.totp (
  account_id uuid not null,
  sealed_secret bytea not null,
  created_at timestamp with time zone not null,
  confirmed_at timestamp with time zone,
  last_step bigint not null default 0,
  constraint totp_pkey PRIMARY KEY (account_id),
  constraint totp_account FOREIGN KEY (account_id) REFERENCES account.account(account_id) ON DELETE CASCADE
);
grant delete, insert, select, update on account.totp to sotto_user;

create table account.used_challenge (
  challenge_id uuid not null,
  expires_at timestamp with time zone not null,
  constraint used_challenge_pkey PRIMARY KEY (challenge_id)
);
CREATE INDEX used_challenge_expired ON account.used_challenge USING btree (expires_at);
grant delete, insert, select, update on account.used_challenge to sotto_user;

-- ---- chat ----
grant usage on schema chat to sotto_chat;
grant delete, insert, select, update on future tables in schema chat to sotto_chat;
grant usage on future sequences in schema chat to sotto_chat;

create sequence chat.envelope_id as bigint start 1 increment 1 cache 1;

create table chat.account (
  account_id uuid not null,
  account_key bytea not null,
  list_version integer not null,
  list_hash bytea not null,
  created_at timestamp with time zone not null,
  attended_at timestamp with time zone,
  constraint account_pkey PRIMARY KEY (account_id),
  constraint account_key_length CHECK (octet_length(account_key) = 32),
  constraint account_list_hash_length CHECK (octet_length(list_hash) = 32)
);
grant delete, insert, select, update on chat.account to sotto_chat;

create table chat.block (
  account_id uuid not null,
  blocked_account_id uuid not null,
  blocked_at timestamp with time zone not null,
  constraint block_pkey PRIMARY KEY (account_id, blocked_account_id),
  constraint block_other CHECK (account_id <> blocked_account_id)
);
CREATE INDEX block_blocked ON chat.block USING btree (blocked_account_id);
grant delete, insert, select, update on chat.block to sotto_chat;

create table chat.contact (
  low uuid not null,
  high uuid not null,
  requested_by uuid not null,
  requested_at timestamp with time zone not null,
  accepted_at timestamp with time zone,
  hidden boolean not null default false,
  constraint contact_pkey PRIMARY KEY (low, high),
  constraint contact_asker CHECK (requested_by = low OR requested_by = high),
  constraint contact_order CHECK (low < high)
);
CREATE INDEX contact_high ON chat.contact USING btree (high, low);
grant delete, insert, select, update on chat.contact to sotto_chat;

create table chat.conversation (
  conversation_id uuid not null,
  kind text not null,
  direct_low uuid,
  direct_high uuid,
  created_at timestamp with time zone not null default now(),
  constraint conversation_pkey PRIMARY KEY (conversation_id),
  constraint conversation_direct_pair UNIQUE (direct_low, direct_high),
  constraint conversation_direct_has_pair CHECK (kind <> 'direct'::text OR (direct_low IS NULL) = (direct_high IS NULL) AND (direct_low IS NULL OR direct_low < direct_high)),
  constraint conversation_kind CHECK (kind = 'direct'::text)
);
grant delete, insert, select, update on chat.conversation to sotto_chat;

create table chat.deleted_account (
  account_id uuid not null,
  deleted_at timestamp with time zone not null,
  cleared boolean not null default false,
  course_at timestamp with time zone,
  next_page bigint,
  end_page bigint,
  has_waiting boolean not null default false,
  constraint deleted_account_pkey PRIMARY KEY (account_id)
);
grant delete, insert, select, update on chat.deleted_account to sotto_chat;

create table chat.device (
  account_id uuid not null,
  device_id uuid not null,
  registration_id integer not null,
  identity_key bytea not null,
  session_id uuid,
  request_hash bytea not null,
  gap_at timestamp with time zone,
  created_at timestamp with time zone not null,
  last_seen_at timestamp with time zone not null,
  constraint device_pkey PRIMARY KEY (account_id, device_id),
  constraint device_id_unique UNIQUE (device_id),
  constraint device_identity_key_length CHECK (octet_length(identity_key) = 33),
  constraint device_account_fkey FOREIGN KEY (account_id) REFERENCES chat.account(account_id)
);
CREATE INDEX device_session ON chat.device USING btree (session_id);
grant delete, insert, select, update on chat.device to sotto_chat;

create table chat.device_keys (
  device_id uuid not null,
  signed_key_id integer not null,
  signed_key bytea not null,
  signed_key_signature bytea not null,
  last_resort_key_id integer not null,
  last_resort_key bytea not null,
  last_resort_signature bytea not null,
  last_resort_used integer not null default 0,
  one_time_highest_id integer not null,
  one_time_kem_highest_id integer not null,
  one_time_hash bytea not null,
  one_time_kem_hash bytea not null,
  constraint device_keys_pkey PRIMARY KEY (device_id),
  constraint device_keys_device_fkey FOREIGN KEY (device_id) REFERENCES chat.device(device_id) ON DELETE CASCADE
);
grant delete, insert, select, update on chat.device_keys to sotto_chat;

create table chat.device_list (
  account_id uuid not null,
  version integer not null,
  bytes bytea not null,
  signature bytea not null,
  created_at timestamp with time zone not null,
  constraint device_list_pkey PRIMARY KEY (account_id, version),
  constraint device_list_account_fkey FOREIGN KEY (account_id) REFERENCES chat.account(account_id)
);
grant delete, insert, select, update on chat.device_list to sotto_chat;

create table chat.envelope (
  device_id uuid not null,
  envelope_id bigint not null,
  message_id uuid not null,
  envelope bytea storage e not null,
  constraint envelope_pkey PRIMARY KEY (device_id, envelope_id)
) with (autovacuum_vacuum_scale_factor=0.05, autovacuum_vacuum_insert_scale_factor=0.2);
grant delete, insert, select, update on chat.envelope to sotto_chat;

create table chat.member (
  conversation_id uuid not null,
  account_id uuid not null,
  read_at timestamp with time zone,
  muted_until timestamp with time zone,
  constraint member_pkey PRIMARY KEY (conversation_id, account_id),
  constraint member_conversation FOREIGN KEY (conversation_id) REFERENCES chat.conversation(conversation_id) ON DELETE CASCADE
);
CREATE INDEX member_account ON chat.member USING btree (account_id, conversation_id DESC);
grant delete, insert, select, update on chat.member to sotto_chat;

create table chat.message (
  message_id uuid not null,
  conversation_id uuid not null,
  sender_account_id uuid not null,
  sender_device_id uuid not null,
  accepted_at timestamp with time zone not null default now(),
  content bytea storage e not null,
  constraint message_pkey PRIMARY KEY (message_id)
);
grant delete, insert, select, update on chat.message to sotto_chat;

create table chat.node (
  node_id uuid not null,
  name text not null,
  seen_at timestamp with time zone not null default now(),
  constraint node_pkey PRIMARY KEY (node_id)
);
grant delete, insert, select, update on chat.node to sotto_chat;

create table chat.one_time_kem_prekey (
  device_id uuid not null,
  key_id integer not null,
  public_key bytea not null,
  signature bytea not null,
  constraint one_time_kem_prekey_pkey PRIMARY KEY (device_id, key_id),
  constraint one_time_kem_prekey_device_fkey FOREIGN KEY (device_id) REFERENCES chat.device(device_id) ON DELETE CASCADE
);
grant delete, insert, select, update on chat.one_time_kem_prekey to sotto_chat;

create table chat.one_time_prekey (
  device_id uuid not null,
  key_id integer not null,
  public_key bytea not null,
  constraint one_time_prekey_pkey PRIMARY KEY (device_id, key_id),
  constraint one_time_prekey_device_fkey FOREIGN KEY (device_id) REFERENCES chat.device(device_id) ON DELETE CASCADE
);
grant delete, insert, select, update on chat.one_time_prekey to sotto_chat;

create table chat.presence (
  device_id uuid not null,
  connection_id uuid not null,
  node_id uuid,
  seen_at timestamp with time zone not null default now(),
  waiting_told boolean not null default false,
  told_envelope_id bigint not null default 0,
  told_waiting integer,
  told_at timestamp with time zone,
  constraint presence_pkey PRIMARY KEY (device_id),
  constraint presence_told_when CHECK (NOT waiting_told OR told_at IS NOT NULL AND told_waiting IS NOT NULL),
  constraint presence_device FOREIGN KEY (device_id) REFERENCES chat.device(device_id) ON DELETE CASCADE
) with (fillfactor=70);
CREATE INDEX presence_told ON chat.presence USING btree (device_id) WHERE waiting_told;
grant delete, insert, select, update on chat.presence to sotto_chat;

create table chat.privacy (
  account_id uuid not null,
  who_may_write_first text,
  presence text,
  receipts text,
  updated_at timestamp with time zone not null,
  constraint privacy_pkey PRIMARY KEY (account_id),
  constraint privacy_known CHECK ((who_may_write_first = ANY (ARRAY['everyone'::text, 'contacts'::text, 'nobody'::text])) AND (presence = ANY (ARRAY['everyone'::text, 'contacts'::text, 'nobody'::text])) AND (receipts = ANY (ARRAY['everyone'::text, 'contacts'::text, 'nobody'::text])))
);
grant delete, insert, select, update on chat.privacy to sotto_chat;

create unlogged table chat.rate_limit (
  key text not null,
  points integer not null,
  expire bigint,
  constraint rate_limit_pkey PRIMARY KEY (key)
);
CREATE INDEX rate_limit_expired ON chat.rate_limit USING btree (expire);
grant delete, insert, select, update on chat.rate_limit to sotto_chat;

create table chat.revoked_session (
  session_id uuid not null,
  revoked_at timestamp with time zone not null,
  constraint revoked_session_pkey PRIMARY KEY (session_id)
);
CREATE INDEX revoked_session_forgotten ON chat.revoked_session USING btree (revoked_at);
grant delete, insert, select, update on chat.revoked_session to sotto_chat;

create unlogged table chat.socket_io_attachments (
  id bigint not null default nextval('chat.socket_io_attachments_id_seq'::regclass),
  created_at timestamp with time zone default now(),
  payload bytea,
  constraint socket_io_attachments_id_key UNIQUE (id)
);
grant delete, insert, select, update on chat.socket_io_attachments to sotto_chat;

-- ---- notify ----
grant usage on schema notify to sotto_notification;
grant delete, insert, select, update on future tables in schema notify to sotto_notification;
grant usage on future sequences in schema notify to sotto_notification;

create table notify.addressee (
  account_id uuid not null,
  username text not null,
  email text not null,
  email_verified boolean not null,
  language text,
  active boolean not null,
  as_of timestamp with time zone not null,
  constraint addressee_pkey PRIMARY KEY (account_id)
);
grant delete, insert, select, update on notify.addressee to sotto_notification;

create table notify.attention (
  account_id uuid not null,
  attended_at timestamp with time zone,
  digest_due_at timestamp with time zone,
  is_digested boolean not null default false,
  digested_at timestamp with time zone,
  constraint attention_pkey PRIMARY KEY (account_id)
);
CREATE INDEX attention_digest_due ON notify.attention USING btree (digest_due_at) WHERE (digest_due_at IS NOT NULL);
grant delete, insert, select, update on notify.attention to sotto_notification;

create table notify.email (
  id uuid not null,
  event_id uuid not null,
  kind text not null,
  recipient text not null,
  content jsonb not null,
  created_at timestamp with time zone not null,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null,
  sent_at timestamp with time zone,
  failed_at timestamp with time zone,
  last_error text,
  account_id uuid,
  language text,
  constraint email_pkey PRIMARY KEY (id),
  constraint email_once_per_event UNIQUE (event_id, kind),
  constraint email_kind_known CHECK (kind = ANY (ARRAY['welcome'::text, 'verify-email'::text, 'reset-password'::text, 'security-notice'::text, 'new-device'::text, 'digest'::text])),
  constraint email_one_outcome CHECK (sent_at IS NULL OR failed_at IS NULL)
);
CREATE INDEX email_due ON notify.email USING btree (next_attempt_at) WHERE ((sent_at IS NULL) AND (failed_at IS NULL));
CREATE INDEX email_of_account ON notify.email USING btree (account_id);
CREATE INDEX email_settled ON notify.email USING btree (created_at) WHERE ((sent_at IS NOT NULL) OR (failed_at IS NOT NULL));
grant delete, insert, select, update on notify.email to sotto_notification;

create table notify.notification (
  notification_id uuid not null,
  account_id uuid not null,
  type text not null,
  data jsonb not null,
  created_at timestamp with time zone not null,
  read_at timestamp with time zone,
  constraint notification_pkey PRIMARY KEY (account_id, notification_id)
);
CREATE INDEX notification_about ON notify.notification USING btree (((data ->> 'accountId'::text))) WHERE ((data ->> 'accountId'::text) IS NOT NULL);
CREATE INDEX notification_created ON notify.notification USING btree (created_at);
CREATE INDEX notification_unread ON notify.notification USING btree (account_id, notification_id) WHERE (read_at IS NULL);
grant delete, insert, select, update on notify.notification to sotto_notification;

create table notify.preferences (
  account_id uuid not null,
  email_digest boolean not null default true,
  updated_at timestamp with time zone not null,
  push boolean not null default true,
  time_zone text,
  quiet_from smallint,
  quiet_to smallint,
  constraint preferences_pkey PRIMARY KEY (account_id),
  constraint preferences_quiet_hours CHECK ((quiet_from IS NULL) = (quiet_to IS NULL) AND quiet_from >= 0 AND quiet_from <= 1439 AND quiet_to >= 0 AND quiet_to <= 1439 AND quiet_from <> quiet_to),
  constraint preferences_time_zone_length CHECK (char_length(time_zone) >= 1 AND char_length(time_zone) <= 64)
);
grant delete, insert, select, update on notify.preferences to sotto_notification;

create table notify.processed_event (
  consumer text not null,
  event_id uuid not null,
  processed_at timestamp with time zone not null,
  constraint processed_event_pkey PRIMARY KEY (consumer, event_id)
);
grant delete, insert, select, update on notify.processed_event to sotto_notification;

create table notify.push (
  id uuid not null,
  event_id uuid not null,
  account_id uuid not null,
  device_id uuid not null,
  type text not null,
  created_at timestamp with time zone not null,
  attempts integer not null default 0,
  next_attempt_at timestamp with time zone not null,
  outcome text,
  settled_at timestamp with time zone,
  last_error text,
  constraint push_pkey PRIMARY KEY (id),
  constraint push_once_per_event UNIQUE (event_id, device_id),
  constraint push_outcome_known CHECK (outcome = ANY (ARRAY['sent'::text, 'failed'::text, 'replaced'::text, 'withdrawn'::text])),
  constraint push_settled_with_outcome CHECK ((outcome IS NULL) = (settled_at IS NULL)),
  constraint push_type_known CHECK (type = 'messages-waiting'::text),
  constraint push_to_subscription FOREIGN KEY (account_id, device_id) REFERENCES notify.push_subscription(account_id, device_id) ON DELETE CASCADE
);
CREATE INDEX push_due ON notify.push USING btree (next_attempt_at) WHERE (outcome IS NULL);
CREATE INDEX push_of_device ON notify.push USING btree (account_id, device_id);
CREATE INDEX push_settled ON notify.push USING btree (settled_at) WHERE (outcome IS NOT NULL);
grant delete, insert, select, update on notify.push to sotto_notification;

create table notify.push_subscription (
  account_id uuid not null,
  device_id uuid not null,
  session_id uuid not null,
  endpoint text not null,
  host text not null,
  p256dh bytea not null,
  auth bytea not null,
  server_key bytea not null,
  created_at timestamp with time zone not null,
  failing_since timestamp with time zone,
  constraint push_subscription_pkey PRIMARY KEY (account_id, device_id),
  constraint push_subscription_endpoint_length CHECK (char_length(endpoint) >= 1 AND char_length(endpoint) <= 2048),
  constraint push_subscription_keys CHECK (octet_length(p256dh) = 65 AND octet_length(auth) = 16 AND octet_length(server_key) = 65)
);
grant delete, insert, select, update on notify.push_subscription to sotto_notification;

create unlogged table notify.rate_limit (
  key text not null,
  points integer not null,
  expire bigint,
  constraint rate_limit_pkey PRIMARY KEY (key)
);
CREATE INDEX rate_limit_expired ON notify.rate_limit USING btree (expire);
grant delete, insert, select, update on notify.rate_limit to sotto_notification;

create table notify.suppressed_address (
  address text not null,
  reason text not null,
  since timestamp with time zone not null,
  constraint suppressed_address_pkey PRIMARY KEY (address)
);
CREATE INDEX suppressed_address_since ON notify.suppressed_address USING btree (since);
grant delete, insert, select, update on notify.suppressed_address to sotto_notification;

create table notify.waiting (
  account_id uuid not null,
  device_id uuid not null,
  waiting integer not null,
  event_id uuid not null,
  as_of timestamp with time zone not null,
  told_at timestamp with time zone not null,
  push_due_at timestamp with time zone,
  constraint waiting_pkey PRIMARY KEY (account_id, device_id)
);
CREATE INDEX waiting_push_due ON notify.waiting USING btree (push_due_at) WHERE (push_due_at IS NOT NULL);
grant delete, insert, select, update on notify.waiting to sotto_notification;

-- ---- outbox ----
grant usage on schema outbox to sotto_chat;
grant usage on schema outbox to sotto_notification;
grant usage on schema outbox to sotto_relay;
grant usage on schema outbox to sotto_user;

create table outbox.event (
  id bigint not null generated always as identity,
  events jsonb storage e not null,
  created_at timestamp with time zone not null default now(),
  constraint event_pkey PRIMARY KEY (id),
  constraint event_events_is_array CHECK (jsonb_typeof(events) = 'array'::text)
) with (autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000, autovacuum_vacuum_insert_threshold=-1, autovacuum_vacuum_cost_delay=0, autovacuum_analyze_scale_factor=0, autovacuum_analyze_threshold=20000, toast.autovacuum_vacuum_cost_delay=0, toast.autovacuum_vacuum_scale_factor=0, toast.autovacuum_vacuum_threshold=1000);
grant insert on outbox.event to sotto_chat;
grant insert on outbox.event to sotto_notification;
grant delete, select on outbox.event to sotto_relay;
grant insert on outbox.event to sotto_user;

create table outbox.parked (
  id bigint not null generated always as identity,
  event jsonb not null,
  reason text not null,
  parked_at timestamp with time zone not null default now(),
  constraint parked_pkey PRIMARY KEY (id)
);
grant insert, select on outbox.parked to sotto_relay;

-- ---- public ----

create table public.schema_migration (
  version integer not null,
  name text not null,
  sha256 text not null,
  applied_at timestamp with time zone not null default now(),
  constraint schema_migration_pkey PRIMARY KEY (version)
);
