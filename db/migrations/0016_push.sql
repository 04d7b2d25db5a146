-- Web Push (RFC 8030): where the devices of an account want to be woken, and what is to be sent there.

create table notify.push_subscription (
  account_id uuid not null,
  -- As the account names it: this service does not know whose device it is. No row is found without its account.
  device_id uuid not null,
  -- It ends with the session that made it.
  session_id uuid not null,
  endpoint text not null,
  -- Host of the endpoint, with its port where that is another than 443: pushes to one host share its slots.
  host text not null,
  -- Keys of the subscriber (RFC 8291): a point on P-256, and a secret.
  p256dh bytea not null,
  auth bytea not null,
  -- Public VAPID key of this installation at that time: the push service takes pushes under no other.
  server_key bytea not null,
  created_at timestamptz not null,
  -- Since when every push was given up; null once one is taken.
  failing_since timestamptz,
  constraint push_subscription_pkey primary key (account_id, device_id),
  constraint push_subscription_endpoint_length check (char_length(endpoint) between 1 and 2048),
  constraint push_subscription_keys check (
    octet_length(p256dh) = 65 and octet_length(auth) = 16 and octet_length(server_key) = 65
  )
);

-- One row for each event and device; queueing an event again changes nothing.
create table notify.push (
  id uuid not null,
  event_id uuid not null,
  account_id uuid not null,
  device_id uuid not null,
  type text not null,
  created_at timestamptz not null,
  attempts integer not null default 0,
  -- While a push is being sent this is the end of the sender's lease, as with mail.
  next_attempt_at timestamptz not null,
  -- sent; failed: given up; replaced: by a newer one to the same device; withdrawn: not wanted any more.
  outcome text,
  settled_at timestamptz,
  last_error text,
  constraint push_pkey primary key (id),
  constraint push_once_per_event unique (event_id, device_id),
  constraint push_type_known check (type in ('messages-waiting')),
  constraint push_outcome_known check (outcome in ('sent', 'failed', 'replaced', 'withdrawn')),
  constraint push_settled_with_outcome check ((outcome is null) = (settled_at is null)),
  constraint push_to_subscription foreign key (account_id, device_id)
    references notify.push_subscription (account_id, device_id) on delete cascade
);

-- claimPushes: what is due, oldest first.
create index push_due on notify.push (next_attempt_at) where outcome is null;
-- settleOlderPushes, deleteUnsentPushes, and the end of a subscription.
create index push_of_device on notify.push (account_id, device_id);
-- prunePushes: what was settled long ago.
create index push_settled on notify.push (settled_at) where outcome is not null;
