-- Where the last sealing stopped, and whether that still means anything in this cluster, on this timeline.
SELECT
    pg_snapshot_xmax(snapshot)::text AS since,
    ARRAY(SELECT pg_snapshot_xip(snapshot)::text) AS were_in_progress,
    floor,
    sweep,
    adopt,
    cluster = (SELECT system_identifier FROM pg_control_system())
        -- A replica has no timeline of its own to compare.
        AND timeline = CASE WHEN pg_is_in_recovery() THEN timeline ELSE outbox_timeline() END
        AND pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AS same_history
FROM outbox_cursor
