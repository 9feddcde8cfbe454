-- The fingerprint of a row: what events.fingerprint computes, of the same columns in the same order.
xxHash64(concat(
    toString(event_id), '\x1f', event_type, '\x1f', toString(toUnixTimestamp64Micro(event_date_time)), '\x1f',
    environment, '\x1f', event_context, '\x1f', toString(metadata_version), '\x1f', actor_id, '\x1f',
    request_id, '\x1f', trace_id, '\x1f', span_id
))
