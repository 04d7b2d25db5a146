-- The notification service: which events have had their effect, and the mail that is to be sent.

-- The bus delivers at least once. The row is inserted in the transaction of the effect, so that a second delivery
-- of the same event changes nothing. Event ids are UUIDv7: old rows are found by the primary key.
create table notify.processed_event (
  consumer text not null,
  event_id uuid not null,
  processed_at timestamptz not null,
  primary key (consumer, event_id)
);

-- Outgoing mail. Consuming an event only writes a row; sending is retried on its own.
create table notify.email (
  id uuid primary key,
  event_id uuid not null,
  kind text not null,
  recipient text not null,
  -- What the template of this kind takes, and nothing else.
  content jsonb not null,
  created_at timestamptz not null,
  attempts integer not null default 0,
  -- While a mail is being sent this is the end of the sender's lease: should the sender die, another one takes
  -- the mail from then on.
  next_attempt_at timestamptz not null,
  sent_at timestamptz,
  failed_at timestamptz,
  last_error text,
  constraint email_kind_known check (kind in ('welcome')),
  constraint email_once_per_event unique (event_id, kind),
  constraint email_one_outcome check (sent_at is null or failed_at is null)
);

-- claimEmails: what is due, oldest first.
create index email_due on notify.email (next_attempt_at) where sent_at is null and failed_at is null;
-- pruneEmails: what was settled long ago.
create index email_settled on notify.email (created_at) where sent_at is not null or failed_at is not null;
