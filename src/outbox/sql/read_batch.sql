-- The events of a batch, a column an array, in no certain order: `ids` tells it. Sorted here, the rows went through files
-- twice. LATERAL with OFFSET 0 drives every range by an index scan; a plain join scans the outbox.
SELECT
    array_agg(event.id) AS ids,
    array_agg(event.event_id::text) AS event_id,
    array_agg(event.event_type) AS event_type,
    array_agg(event.occurred_at) AS occurred_at,
    array_agg(event.environment) AS environment,
    array_agg(event.context) AS context,
    array_agg(event.metadata_version) AS metadata_version,
    array_agg(event.actor_id) AS actor_id,
    array_agg(event.request_id) AS request_id,
    array_agg(substr(event.trace_context, 4, 32)) AS trace_id,
    array_agg(substr(event.trace_context, 37, 16)) AS span_id
FROM outbox_batch AS batch
CROSS JOIN LATERAL unnest(batch.ids) AS run
CROSS JOIN LATERAL (
    SELECT
        id, event_id, event_type, occurred_at, environment, context, metadata_version,
        actor_id, request_id, trace_context
    FROM outbox_event
    WHERE id >= lower(run) AND id < upper(run)
    OFFSET 0
) AS event
WHERE batch.batch_id = %(batch_id)s
HAVING count(*) > 0
