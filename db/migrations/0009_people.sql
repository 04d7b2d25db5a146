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

-- Absent: the defaults of the installation.
create table chat.privacy (
  account_id uuid not null,
  who_may_write_first text not null,
  presence text not null,
  receipts text not null,
  updated_at timestamptz not null,
  constraint privacy_pkey primary key (account_id),
  constraint privacy_known check (
    who_may_write_first in ('everyone', 'contacts', 'nobody') and presence in ('everyone', 'contacts', 'nobody')
    and receipts in ('everyone', 'contacts', 'nobody')
  )
);

-- Accounts that are gone: nothing of theirs is stored again while their last access tokens live.
create table chat.deleted_account (
  account_id uuid not null,
  deleted_at timestamptz not null,
  constraint deleted_account_pkey primary key (account_id)
);
-- Limits whose window has passed are forgotten.
create index rate_limit_expired on chat.rate_limit (expire);
