-- The columns of event_log as the engine has them.
SELECT name, type
FROM system.columns
WHERE database = ${database_name} AND table = 'event_log'
