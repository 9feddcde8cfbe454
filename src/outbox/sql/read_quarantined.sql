-- A quarantined event, from the copy that was kept when it was set aside.
SELECT
    event_id,
    event_type,
    (extract(epoch FROM occurred_at) * 1000000)::bigint AS occurred_us,
    environment,
    context,
    metadata_version,
    actor_id,
    request_id,
    substr(trace_context, 4, 32) AS trace_id,
    substr(trace_context, 37, 16) AS span_id
FROM outbox_quarantine
WHERE batch_id = %(batch_id)s
