-- Who knows whom, who wants nothing to do with whom, and what each account lets others do.

-- A contact, or the request for one. One row for each pair, the smaller id first.
create table chat.contact (
  low uuid not null,
  high uuid not null,
  requested_by uuid not null,
  requested_at timestamptz not null,
  accepted_at timestamptz,
  -- A request that the other side never gets to see, because it has blocked the asker or takes no requests.
  hidden boolean not null default false,
  constraint contact_pkey primary key (low, high),
  constraint contact_order check (low < high),
  constraint contact_asker check (requested_by in (low, high))
);
-- The contacts in which an account is the larger id.
create index contact_high on chat.contact (high, low);

create table chat.block (
  account_id uuid not null,
  blocked_account_id uuid not null,
  blocked_at timestamptz not null,
  -- Whether a recipient has blocked a sender: asked for every message.
  constraint block_pkey primary key (account_id, blocked_account_id),
  constraint block_other check (account_id <> blocked_account_id)
);
-- Rows that name an account which is being deleted.
create index block_blocked on chat.block (blocked_account_id);

-- Absent, and null: the default of the installation.
create table chat.privacy (
  account_id uuid not null,
  who_may_write_first text,
  presence text,
  receipts text,
  updated_at timestamptz not null,
  constraint privacy_pkey primary key (account_id),
  constraint privacy_known check (
    who_may_write_first in ('everyone', 'contacts', 'nobody') and presence in ('everyone', 'contacts', 'nobody')
    and receipts in ('everyone', 'contacts', 'nobody')
  )
);

-- Accounts that are gone: nothing of theirs is stored again while their last access tokens live. A row is forgotten a
-- day later, when all else is gone.
create table chat.deleted_account (
  account_id uuid not null,
  deleted_at timestamptz not null,
  -- Everything but its messages is gone.
  cleared boolean not null default false,
  -- Its messages are found by going through all messages in steps, for an index by sender would cost every message:
  -- finish-deletions.ts. When the course over them began or may begin; null when there are none left.
  course_at timestamptz,
  -- Pages of chat.message: the next one of the course under way, and the end of the course.
  next_page bigint,
  end_page bigint,
  -- The course has met messages that wait at somebody's device: there will be another one.
  has_waiting boolean not null default false,
  constraint deleted_account_pkey primary key (account_id)
);

-- The pair is forgotten when one of the two is.
alter table chat.conversation
  drop constraint conversation_direct_has_pair,
  add constraint conversation_direct_has_pair check (
    kind <> 'direct' or ((direct_low is null) = (direct_high is null) and (direct_low is null or direct_low < direct_high))
  );

-- Limits whose window has passed are forgotten.
create index rate_limit_expired on chat.rate_limit (expire);

-- Sessions that were ended while access tokens of theirs may live: no device is bound to one again. Forgotten when no such
-- token can live any more (mailbox-upkeep.ts, clearLeftovers).
create table chat.revoked_session (
  session_id uuid not null,
  revoked_at timestamptz not null,
  constraint revoked_session_pkey primary key (session_id)
);
create index revoked_session_forgotten on chat.revoked_session (revoked_at);
