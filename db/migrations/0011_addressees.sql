-- Whom mails and notifications go to, as the user service last said, and in which language.

-- Language tag (BCP 47); null: not chosen, so that the default of the installation applies.
alter table account.account
  add column language text,
  add constraint account_language_length check (char_length(language) between 2 and 35);

create table notify.addressee (
  account_id uuid not null,
  username text not null,
  email text not null,
  email_verified boolean not null,
  language text,
  -- False while the account is deactivated, suspended or about to be deleted: nothing but security notices is sent.
  active boolean not null,
  -- When the event happened that said so: one that comes late changes nothing.
  as_of timestamptz not null,
  constraint addressee_pkey primary key (account_id)
);

-- Accounts from before. Their events are long gone.
insert into notify.addressee (account_id, username, email, email_verified, active, as_of)
select account_id, username, email, email_verified_at is not null, state = 'active', now() from account.account;
