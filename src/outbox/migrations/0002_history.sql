-- Which history the cursor's transaction ids belong to, and what is to be done when it has changed. See docs/outbox.md.
ALTER TABLE outbox_cursor
    -- A promoted standby goes on under the same system identifier, on another timeline.
    ADD COLUMN timeline text NOT NULL DEFAULT '',
    -- While it is set, the store is still to be asked for batches that this ledger has lost: nothing is sealed or leased.
    ADD COLUMN adopting_since timestamptz,
    -- When somebody may ask it, at the earliest; whoever does moves it on, as a lease on the asking.
    ADD COLUMN adopt_at timestamptz NOT NULL DEFAULT 'infinity',
    -- Events of adopted batches that are new to the snapshot: the sealer passes them over.
    ADD COLUMN adopted int8multirange NOT NULL DEFAULT '{}',
    -- Whether the transaction ids are another cluster's, so that the cursor is to be re-based before anything is sealed.
    ADD COLUMN rebase boolean NOT NULL DEFAULT false;

CREATE FUNCTION outbox_timeline() RETURNS text LANGUAGE sql STABLE
AS $$ SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8) $$;

-- Whether the cursor was taken in the present history, or a change of it has been noticed. A replica seals nothing.
CREATE FUNCTION outbox_same_history() RETURNS boolean LANGUAGE sql STABLE
AS $$
    SELECT
        CASE WHEN pg_is_in_recovery() THEN true ELSE
            cluster = (SELECT system_identifier FROM pg_control_system())
            AND timeline = outbox_timeline()
            AND (rebase OR pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(pg_current_snapshot()))
        END
    FROM outbox_cursor
$$;

-- The events that are in a batch, as far as the outbox may still have them.
CREATE FUNCTION outbox_batched() RETURNS int8multirange LANGUAGE sql STABLE
AS $$
    SELECT coalesce(range_agg(run), '{}')
    FROM outbox_batch, unnest(ids) AS run
    WHERE upper(ids) > (SELECT min(id) FROM outbox_event)
$$;

UPDATE outbox_cursor SET timeline = outbox_timeline();
