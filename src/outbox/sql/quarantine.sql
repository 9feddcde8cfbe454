-- Set a refused event aside, with a copy that outlives its slot, unless the lease has passed to somebody else.
WITH
refused AS (
    UPDATE outbox_batch
    SET state = 'quarantined', owner = NULL, reason = %(reason)s
    WHERE batch_id = %(batch_id)s AND fence = %(fence)s AND state = 'sealed' AND events = 1
    RETURNING batch_id, lower(ids) AS id
),
copied AS (
    INSERT INTO outbox_quarantine (
        batch_id, id, event_id, event_type, occurred_at, environment, context, metadata_version,
        actor_id, request_id, trace_context
    )
    SELECT
        refused.batch_id, event.id, event.event_id, event.event_type, event.occurred_at, event.environment,
        event.context, event.metadata_version, event.actor_id, event.request_id, event.trace_context
    FROM refused
    JOIN outbox_event AS event ON event.id = refused.id
    -- Refused again after a replay: the copy is there.
    ON CONFLICT (batch_id) DO UPDATE SET quarantined_at = statement_timestamp()
)
SELECT event.event_id, event.event_type
FROM refused
LEFT JOIN outbox_event AS event ON event.id = refused.id
