-- Replace a refused batch by its two halves, unless the lease has passed to somebody else.
WITH
parent AS (
    UPDATE outbox_batch
    SET state = 'split', owner = NULL, reason = %(reason)s
    WHERE batch_id = %(batch_id)s AND fence = %(fence)s AND state = 'sealed' AND events > 1
    RETURNING batch_id, ids, events, month
),
placed AS (
    SELECT event.id, event.bytes, parent.batch_id, parent.month, parent.events / 2 AS middle, row_number() OVER (ORDER BY event.id) AS place
    FROM parent
    CROSS JOIN LATERAL unnest(parent.ids) AS run
    CROSS JOIN LATERAL (
        SELECT id, octet_length(context) AS bytes
        FROM outbox_event
        WHERE id >= lower(run) AND id < upper(run)
        ORDER BY id
        OFFSET 0
    ) AS event
)
INSERT INTO outbox_batch (parent_id, ids, events, bytes, month)
SELECT batch_id, range_agg(int8range(id, id + 1)), count(*), sum(bytes), month
FROM placed
GROUP BY batch_id, month, place > middle
