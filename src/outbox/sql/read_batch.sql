-- The events of a batch, in its order. LATERAL with OFFSET 0 drives every range by an index scan; a plain join scans the outbox.
SELECT
    event.event_id,
    event.event_type,
    (extract(epoch FROM event.occurred_at) * 1000000)::bigint AS occurred_us,
    event.environment,
    event.context,
    event.metadata_version,
    event.actor_id,
    event.request_id,
    substr(event.trace_context, 4, 32) AS trace_id,
    substr(event.trace_context, 37, 16) AS span_id
FROM outbox_batch AS batch
CROSS JOIN LATERAL unnest(batch.ids) AS run
CROSS JOIN LATERAL (
    SELECT
        id, event_id, event_type, occurred_at, environment, context, metadata_version,
        actor_id, request_id, trace_context
    FROM outbox_event
    WHERE id >= lower(run) AND id < upper(run)
    ORDER BY id
    OFFSET 0
) AS event
WHERE batch.batch_id = %(batch_id)s
ORDER BY event.id
