-- Where the last sealing stopped, and whether that still means anything in this cluster.
SELECT
    pg_snapshot_xmax(snapshot)::text AS since,
    ARRAY(SELECT pg_snapshot_xip(snapshot)::text) AS were_in_progress,
    floor,
    sweep,
    cluster = (SELECT system_identifier FROM pg_control_system())
        AND pg_snapshot_xmax(snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) AS same_cluster
FROM outbox_cursor
