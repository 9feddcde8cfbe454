-- A quarantined event, from the copy that was kept when it was set aside; in the shape of read_batch.
SELECT
    ARRAY[id] AS ids,
    ARRAY[event_id::text] AS event_id,
    ARRAY[event_type] AS event_type,
    ARRAY[occurred_at] AS occurred_at,
    ARRAY[environment] AS environment,
    ARRAY[context] AS context,
    ARRAY[metadata_version] AS metadata_version,
    ARRAY[actor_id] AS actor_id,
    ARRAY[request_id] AS request_id,
    ARRAY[substr(trace_context, 4, 32)] AS trace_id,
    ARRAY[substr(trace_context, 37, 16)] AS span_id
FROM outbox_quarantine
WHERE batch_id = %(batch_id)s
