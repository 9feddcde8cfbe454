-- Begin to count by this cluster's transaction ids. Rows up to the floor were written under another's: they are swept.
UPDATE outbox_cursor
SET
    snapshot = pg_current_snapshot(),
    floor = coalesce((SELECT max(id) FROM outbox_event), 0),
    sweep = true,
    rebase = false,
    -- The sweep goes by the ledger, which has them.
    adopted = '{}'
