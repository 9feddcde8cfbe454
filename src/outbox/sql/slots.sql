-- The slots of the ring: rows by the last statistics, size on disk, and which one takes today's events.
SELECT
    child.relname AS slot,
    greatest(pg_stat_get_live_tuples(child.oid), 0) AS rows,
    pg_total_relation_size(child.oid) AS bytes,
    pg_stat_get_dead_tuples(child.oid) AS dead_rows,
    child.relname = 'outbox_event_slot_' || floor(extract(epoch FROM statement_timestamp()) / 86400)::bigint %% 8 AS today
FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = 'outbox_event'::regclass
ORDER BY child.relname
