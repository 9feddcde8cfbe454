-- The fingerprint of every row of one batch, every copy a row of its own (no FINAL); see events.fingerprint.
SELECT
    event_id,
    xxHash64(concat(
        toString(event_id), '\x1f', event_type, '\x1f', toString(toUnixTimestamp64Micro(event_date_time)), '\x1f',
        environment, '\x1f', event_context, '\x1f', toString(metadata_version), '\x1f', actor_id, '\x1f',
        request_id, '\x1f', trace_id, '\x1f', span_id
    )) AS fingerprint
FROM event_log
WHERE batch_id = ${batch_id}
