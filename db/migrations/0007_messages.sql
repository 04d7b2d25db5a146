-- Conversations and who is in them.
create table chat.conversation (
  conversation_id uuid not null,
  kind text not null,
  -- The two accounts of a direct conversation, the smaller id first; there is one conversation for each pair.
  direct_low uuid,
  direct_high uuid,
  created_at timestamptz not null default now(),
  constraint conversation_pkey primary key (conversation_id),
  constraint conversation_direct_pair unique (direct_low, direct_high),
  constraint conversation_kind check (kind in ('direct')),
  constraint conversation_direct_has_pair check (
    kind <> 'direct' or (direct_low is not null and direct_high is not null and direct_low < direct_high)
  )
);

create table chat.member (
  conversation_id uuid not null,
  account_id uuid not null,
  constraint member_pkey primary key (conversation_id, account_id),
  constraint member_conversation foreign key (conversation_id) references chat.conversation on delete cascade
);
-- An account's conversations, newest first: list-conversations.ts.
create index member_account on chat.member (account_id, conversation_id desc);

-- The content of a message, stored once. No foreign keys here and in the mailbox: each would lock a row
-- of another table for every message, and the storing transaction has checked both ends.
create table chat.message (
  message_id uuid not null,
  conversation_id uuid not null,
  sender_account_id uuid not null,
  sender_device_id uuid not null,
  accepted_at timestamptz not null default now(),
  content bytea not null,
  constraint message_pkey primary key (message_id)
);
-- Ciphertext does not compress; trying to costs time on every message.
alter table chat.message alter column content set storage external;

-- A queue for each device, drained by acknowledging. The sender is not in it.
-- Ids come from the sequence in the order of storing, but commit out of order: never read it by a cursor.
create sequence chat.envelope_id as bigint;
create table chat.envelope (
  device_id uuid not null,
  envelope_id bigint not null,
  message_id uuid not null,
  envelope bytea not null,
  constraint envelope_pkey primary key (device_id, envelope_id)
);
alter table chat.envelope alter column envelope set storage external;
-- Rows live for seconds; vacuum before the dead ones outnumber the living.
alter table chat.envelope set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2);

-- Chat nodes that are alive; a node is gone when it has not been seen for a while.
create table chat.node (
  node_id uuid not null,
  name text not null,
  seen_at timestamptz not null default now(),
  constraint node_pkey primary key (node_id)
);

-- Where a device is, or was last, connected. Apart from chat.device, whose wide rows a connection need not rewrite.
create table chat.presence (
  device_id uuid not null,
  connection_id uuid not null,
  -- Null after an orderly disconnect.
  node_id uuid,
  seen_at timestamptz not null default now(),
  -- True once chat.inbox-waiting was told; false again when the device connects or acknowledges.
  waiting_told boolean not null default false,
  constraint presence_pkey primary key (device_id),
  constraint presence_device foreign key (device_id) references chat.device (device_id) on delete cascade
) with (fillfactor = 70);

-- What the Socket.IO adapter needs for payloads too large for a notification.
create unlogged table chat.socket_io_attachments (
  id bigserial not null,
  created_at timestamptz default now(),
  payload bytea,
  constraint socket_io_attachments_id_key unique (id)
);

-- The devices of a revoked session: presence-queries.ts, unbindSession.
create index device_session on chat.device (session_id);
