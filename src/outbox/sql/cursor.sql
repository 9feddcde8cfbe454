-- Where the last sealing stopped, whether that still means anything here, and what is to be done about it if not.
SELECT
    pg_snapshot_xmax(snapshot)::text AS since,
    ARRAY(SELECT pg_snapshot_xip(snapshot)::text) AS were_in_progress,
    floor,
    sweep,
    adopted::text,
    rebase,
    adopting_since,
    outbox_same_history() AS same_history
FROM outbox_cursor
