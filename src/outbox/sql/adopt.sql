-- Enter a batch that the store has into the ledger again, with those of its events that are here and in no batch. It counts as attempted.
WITH
orphan AS (
    SELECT id, octet_length(context) AS bytes, date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date AS month
    FROM outbox_event
    WHERE id >= %(first)s
        AND id <= %(last)s
        AND event_id = ANY (%(event_ids)s::uuid[])
        AND NOT id <@ (
            SELECT coalesce(range_agg(run), '{}')
            FROM outbox_batch, unnest(ids) AS run
            WHERE upper(ids) > %(first)s
        )
),
adopted AS (
    INSERT INTO outbox_batch (batch_id, ids, events, bytes, month, attempts)
    SELECT %(batch_id)s, range_agg(int8range(id, id + 1)), count(*), sum(bytes), min(month), 1
    FROM orphan
    HAVING count(*) > 0
    RETURNING events
)
SELECT coalesce(sum(events), 0)::bigint AS events FROM adopted
