-- What an account is told in its clients: what happened to it, newest first. Not messages.
create table notify.notification (
  -- UUIDv7: the order in which the list is read.
  notification_id uuid not null,
  account_id uuid not null,
  -- Open: newer versions add some.
  type text not null,
  data jsonb not null,
  created_at timestamptz not null,
  read_at timestamptz,
  -- listNotifications, trimNotifications: an account's own, newest first.
  constraint notification_pkey primary key (account_id, notification_id)
);
-- countUnread, readNotifications.
create index notification_unread on notify.notification (account_id, notification_id) where read_at is null;
-- pruneNotifications: what is too old.
create index notification_created on notify.notification (created_at);
-- deleteNotificationsAbout: whom others' notifications speak of, when that one is deleted or asks again.
create index notification_about on notify.notification ((data ->> 'accountId')) where data ->> 'accountId' is not null;
