-- The history has changed: until the store has been asked for lost batches, nothing is sealed or leased.
UPDATE outbox_cursor
SET
    rebase = rebase
        OR cluster <> (SELECT system_identifier FROM pg_control_system())
        OR pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot()),
    cluster = (SELECT system_identifier FROM pg_control_system()),
    timeline = outbox_timeline(),
    adopting_since = statement_timestamp(),
    adopt_at = statement_timestamp() + %(grace)s * interval '1 second'
RETURNING rebase
