-- Mails in the language of who reads them, the digest of waiting messages, and addresses that get no mail.

alter table notify.email
  -- Language tag (BCP 47) that the account had when the mail was queued; null: the default of the installation.
  add column language text,
  drop constraint email_kind_known,
  add constraint email_kind_known check (
    kind in ('welcome', 'verify-email', 'reset-password', 'security-notice', 'new-device', 'digest')
  );

-- What an account wants to be told, and how. An account without a row has the defaults.
create table notify.preferences (
  account_id uuid not null,
  -- Mails that tell how many messages wait.
  email_digest boolean not null default true,
  updated_at timestamptz not null,
  constraint preferences_pkey primary key (account_id)
);

-- Addresses that a mail server has said do not exist. They are found by the address, in lower case.
create table notify.suppressed_address (
  address text not null,
  -- What the mail server said, by its codes alone.
  reason text not null,
  since timestamptz not null,
  constraint suppressed_address_pkey primary key (address)
);
-- pruneSuppressions: an address may come to exist again.
create index suppressed_address_since on notify.suppressed_address (since);
