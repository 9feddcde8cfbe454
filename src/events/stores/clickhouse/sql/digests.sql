-- Rows, events and the sum (modulo 2^64) of the fingerprints of each batch, every copy counted (no FINAL).
SELECT
    batch_id,
    count() AS row_count,
    uniqExact(event_id) AS event_count,
    sum(xxHash64(concat(
        toString(event_id), '\x1f', event_type, '\x1f', toString(toUnixTimestamp64Micro(event_date_time)), '\x1f',
        environment, '\x1f', event_context, '\x1f', toString(metadata_version), '\x1f', actor_id, '\x1f',
        request_id, '\x1f', trace_id, '\x1f', span_id
    ))) AS checksum
FROM event_log
WHERE batch_id IN (${batch_ids})
GROUP BY batch_id
