-- Append a batch, columnar, in one block.
INSERT INTO event_log (
    event_id, event_type, event_date_time, environment, event_context, metadata_version,
    actor_id, request_id, trace_id, span_id, batch_id
)
VALUES
