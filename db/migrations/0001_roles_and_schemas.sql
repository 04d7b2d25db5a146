-- One schema per service, one role per service with rights on its own schema only. The roles themselves, with
-- their passwords, are made by db/migrate.ts: a password has no place in a file under version control.

-- Nobody puts anything into "public", and nobody but the owner reads what is there (the list of migrations).
revoke all on schema public from public;

create schema account;
create schema chat;
create schema notify;
create schema outbox;

grant usage on schema account to sotto_user;
grant usage on schema chat to sotto_chat;
grant usage on schema notify to sotto_notification;
-- Rights on outbox.event differ by role; they stand beside the table.
grant usage on schema outbox to sotto_user, sotto_chat, sotto_notification, sotto_relay;

-- For whatever later migrations create, so that no migration can forget it.
alter default privileges in schema account grant select, insert, update, delete on tables to sotto_user;
alter default privileges in schema account grant usage on sequences to sotto_user;
alter default privileges in schema chat grant select, insert, update, delete on tables to sotto_chat;
alter default privileges in schema chat grant usage on sequences to sotto_chat;
alter default privileges in schema notify grant select, insert, update, delete on tables to sotto_notification;
alter default privileges in schema notify grant usage on sequences to sotto_notification;

-- An unqualified name means the service's own table. "public" is left out on purpose.
alter role sotto_user set search_path = account;
alter role sotto_chat set search_path = chat;
alter role sotto_notification set search_path = notify;
alter role sotto_relay set search_path = outbox;
