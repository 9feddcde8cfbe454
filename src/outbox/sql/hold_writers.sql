-- Wait until nobody has unfinished writes in the outbox, and keep new ones waiting until the transaction ends.
LOCK TABLE outbox_event IN SHARE ROW EXCLUSIVE MODE
