-- Mail of other kinds than the welcome, and whose it is.
alter table notify.email
  add column account_id uuid,
  drop constraint email_kind_known,
  add constraint email_kind_known check (kind in ('welcome', 'verify-email', 'reset-password', 'security-notice'));
-- An account's mail, for its deletion and its export.
create index email_of_account on notify.email (account_id);

-- Limits that hold across nodes (packages/platform/src/limiter.ts). Unlogged: a crash forgets them, and no more.
create unlogged table notify.rate_limit (
  key text not null,
  points integer not null,
  -- Milliseconds since 1970.
  expire bigint,
  constraint rate_limit_pkey primary key (key)
);
-- Limits whose window has passed are forgotten.
create index rate_limit_expired on notify.rate_limit (expire);
