-- Write many events to the outbox, in the caller's transaction.
COPY outbox_event (
    event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
)
FROM STDIN
