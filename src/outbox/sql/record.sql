-- Write one event to the outbox, in the caller's transaction.
INSERT INTO outbox_event (
    event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
