-- What tells this event_log from any other, at whatever address it is found.
SELECT toString(uuid)
FROM system.tables
WHERE database = ${database_name} AND name = 'event_log'
