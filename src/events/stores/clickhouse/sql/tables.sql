-- What there is of the event log's tables, with engine, settings and TTL as text.
SELECT name, engine, engine_full
FROM system.tables
WHERE database = ${database_name} AND name IN ('event_log', 'event_log_local', 'event_log_migrations')
