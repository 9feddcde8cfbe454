-- Write one event to the outbox, in the caller's transaction.
INSERT INTO outbox_event (
    event_id, event_type, occurred_at, environment, context, metadata_version, actor_id, request_id, trace_context
)
VALUES (
    %(event_id)s, %(event_type)s, %(occurred_at)s, %(environment)s, %(context)s, %(metadata_version)s,
    %(actor_id)s, %(request_id)s, %(trace_context)s
)
