-- Whether a slot has events of a batch that is still to be delivered.
WITH
span AS MATERIALIZED (
    SELECT int8range(min(id), max(id), '[]') AS ids FROM outbox_event WHERE slot = %(slot)s
)
SELECT EXISTS (
    SELECT
    FROM outbox_batch AS batch
    CROSS JOIN LATERAL unnest(batch.ids * int8multirange((SELECT ids FROM span))) AS run
    CROSS JOIN LATERAL (
        SELECT FROM outbox_event WHERE slot = %(slot)s AND id >= lower(run) AND id < upper(run) LIMIT 1
    ) AS event
    WHERE batch.state = 'sealed'
) AS undelivered
