-- The newest events that match, as far as their contexts have so many bytes; how many there are without that bound.
SELECT
    event_id, event_type, toUnixTimestamp64Micro(event_date_time), environment, event_context, metadata_version,
    actor_id, request_id, trace_id, span_id, matched
FROM (
    SELECT
        *,
        count() OVER () AS matched,
        sum(length(event_context)) OVER (
            ORDER BY event_date_time DESC, event_id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS bytes_before
    FROM (
        -- Once more, because each shard of a cluster answers for itself.
        SELECT *
        FROM (
            SELECT
                event_id, event_type, event_date_time, environment, event_context, metadata_version,
                actor_id, request_id, trace_id, span_id
            FROM ${table}
            WHERE ${conditions}
            ORDER BY event_date_time DESC, event_id DESC
            LIMIT ${limit}
        )
        ORDER BY event_date_time DESC, event_id DESC
        LIMIT ${limit}
    )
)
WHERE bytes_before < ${most_bytes}
ORDER BY event_date_time DESC, event_id DESC
