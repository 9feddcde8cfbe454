-- Begin to count in this history. Rows up to the floor were written in another: what no batch contains is adopted or swept.
UPDATE outbox_cursor
SET
    snapshot = pg_current_snapshot(),
    floor = coalesce((SELECT max(id) FROM outbox_event), 0),
    cluster = (SELECT system_identifier FROM pg_control_system()),
    timeline = outbox_timeline(),
    sweep = true,
    adopt = true
