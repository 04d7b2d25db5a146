-- The transactional outbox: a service appends what happened in the transaction in which it happened, the relay
-- publishes it and deletes the row. A queue that is empty most of the time, never a log.

create table outbox.event (
  id bigint generated always as identity primary key,
  -- An array of domain events: all that one commit has to say, in its order. One row per commit, because the
  -- chat service commits many messages at once.
  events jsonb not null,
  created_at timestamptz not null default now(),
  constraint event_events_is_array check (jsonb_typeof(events) = 'array')
);

-- Rows live for milliseconds, so nearly every page holds dead rows, and the relay's index scan walks over them.
-- Vacuum by a fixed number of dead rows (a share of a table that is usually empty says nothing), without
-- pausing: there is never much to read.
alter table outbox.event set (
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_vacuum_insert_threshold = -1,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 20000,
  toast.autovacuum_vacuum_scale_factor = 0,
  toast.autovacuum_vacuum_threshold = 1000,
  toast.autovacuum_vacuum_cost_delay = 0
);
-- Compressing costs more time than it saves for rows that are read once and deleted.
alter table outbox.event alter column events set storage external;

-- What cannot be published in the shape it has. The relay puts it here instead of stopping for good or throwing
-- it away, says so in its log, and counts it.
create table outbox.parked (
  id bigint generated always as identity primary key,
  event jsonb not null,
  reason text not null,
  parked_at timestamptz not null default now()
);

grant insert on outbox.event to sotto_user, sotto_chat, sotto_notification;
grant usage on sequence outbox.event_id_seq to sotto_user, sotto_chat, sotto_notification;
grant select, delete on outbox.event to sotto_relay;
grant select, insert on outbox.parked to sotto_relay;
grant usage on sequence outbox.parked_id_seq to sotto_relay;
