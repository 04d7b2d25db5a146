-- Mail of other kinds than the welcome, and whose it is.
alter table notify.email
  add column account_id uuid,
  drop constraint email_kind_known,
  add constraint email_kind_known check (kind in ('welcome', 'verify-email', 'reset-password', 'security-notice'));
-- An account's mail, for its deletion and its export.
create index email_of_account on notify.email (account_id);
