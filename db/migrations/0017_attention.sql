-- Who is told when: what is news to somebody who is away, and what has been told.

alter table chat.member
  -- When the newest message was accepted that the account says it has read; null: it has not said.
  add column read_at timestamptz,
  -- Messages are no news until then; infinity: until unmuted.
  add column muted_until timestamptz;

alter table chat.account
  -- When somebody of the account last acknowledged by request, or read: signs of life of which chat.presence, which
  -- has the connections, does not know. To the second.
  add column attended_at timestamptz;

alter table chat.presence
  -- What was looked at when the device was last told, or was last found to have no news: no envelope up to here is told
  -- of again.
  add column told_envelope_id bigint not null default 0,
  add column told_waiting integer,
  add column told_at timestamptz;
-- What was told before had no mark.
update chat.presence set waiting_told = false;
alter table chat.presence
  add constraint presence_told_when check (not waiting_told or (told_at is not null and told_waiting is not null));
-- listTold.
create index presence_told on chat.presence (device_id) where waiting_told;

alter table notify.preferences
  add column push boolean not null default true,
  -- Name in the time zone database of IANA; null: UTC.
  add column time_zone text,
  -- Minutes of the day in that time zone, from inclusive, to exclusive; over midnight when `from` is greater.
  add column quiet_from smallint,
  add column quiet_to smallint,
  add constraint preferences_time_zone_length check (char_length(time_zone) between 1 and 64),
  add constraint preferences_quiet_hours check (
    (quiet_from is null) = (quiet_to is null)
    and quiet_from between 0 and 1439 and quiet_to between 0 and 1439 and quiet_from <> quiet_to
  );

-- Devices that messages wait for while nobody of the account is there.
create table notify.waiting (
  account_id uuid not null,
  device_id uuid not null,
  waiting integer not null,
  -- The event that said so last, and when it happened.
  event_id uuid not null,
  as_of timestamptz not null,
  -- When the first event of this absence happened.
  told_at timestamptz not null,
  -- Null once the push is queued, or there will be none.
  push_due_at timestamptz,
  constraint waiting_pkey primary key (account_id, device_id)
);
-- listDueAccounts.
create index waiting_push_due on notify.waiting (push_due_at) where push_due_at is not null;

-- One row for each account of which something was ever told.
create table notify.attention (
  account_id uuid not null,
  -- When somebody of the account was last there after messages had waited: what is older is not told of.
  attended_at timestamptz,
  -- Null while nothing waits, and once the digest of this absence is queued or there will be none.
  digest_due_at timestamptz,
  -- A digest was due in this absence: there is no second one.
  is_digested boolean not null default false,
  -- When the last digest was queued.
  digested_at timestamptz,
  constraint attention_pkey primary key (account_id)
);
-- listDueAccounts.
create index attention_digest_due on notify.attention (digest_due_at) where digest_due_at is not null;
