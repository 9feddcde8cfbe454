-- The history that the cursor's transaction ids belong to: a promoted standby goes on under the same identifier, on another timeline.
CREATE FUNCTION outbox_timeline() RETURNS text LANGUAGE sql STABLE AS $$ SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) $$;

ALTER TABLE outbox_cursor
    ADD COLUMN timeline text NOT NULL DEFAULT '',
    -- Whether the store is still to be asked for batches that this ledger has lost with the end of the old history.
    ADD COLUMN adopt boolean NOT NULL DEFAULT false;

UPDATE outbox_cursor SET timeline = outbox_timeline();
