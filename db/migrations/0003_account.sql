-- Accounts and their sessions.
create table account.account (
  account_id uuid not null,
  -- Folded to lower case. Compared byte by byte, so that the index of the unique constraint also serves ranges
  -- of a prefix (account-queries.ts, listAccountsByPrefix) whatever the collation of the database is.
  username text collate "C" not null,
  -- As given. Not unique: a refusal would tell strangers who has an account.
  email text not null,
  -- PHC string, with the parameters it was made by.
  password_hash text not null,
  created_at timestamptz not null,
  constraint account_pkey primary key (account_id),
  constraint account_username_unique unique (username),
  constraint account_username_form check (username ~ '^[a-z][a-z0-9_]{2,31}$')
);

-- One row for each sign-in. The refresh tokens of a session form a chain; the row holds only its end, so that its
-- size does not grow with age. See services/user/src/sessions/refresh-chain.ts.
create table account.session (
  session_id uuid not null,
  account_id uuid not null,
  created_at timestamptz not null,
  -- Of the last sign-in or refresh; a session ends when it has not been used for 60 days.
  last_used_at timestamptz not null,
  revoked_at timestamptz,
  -- Tells tokens that were issued, and are no longer stored, from invented ones. Makes no valid token by itself.
  refresh_key bytea not null,
  -- SHA-256 of the token that was used last; null before the first refresh.
  refresh_used_hash bytea,
  -- SHA-256 of its unused successors; more than one when an answer was lost.
  refresh_successor_hashes bytea[] not null,
  constraint session_pkey primary key (session_id),
  constraint session_account foreign key (account_id) references account.account on delete cascade
) with (fillfactor = 80);
-- An account's sessions: deleteEndedSessions in session-queries.ts, and the foreign key.
create index session_of_account on account.session (account_id);
