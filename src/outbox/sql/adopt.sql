-- Enter batches that the store has into the ledger again, with those of their events that are here and not settled otherwise.
WITH
stored AS (
    SELECT stored.batch_id, stored.event_id
    FROM unnest(%(batch_ids)s::uuid[], %(event_ids)s::uuid[]) AS stored (batch_id, event_id)
    -- Somebody whose claim had run out may have been here already.
    WHERE NOT EXISTS (SELECT FROM outbox_batch WHERE outbox_batch.batch_id = stored.batch_id)
),
orphan AS MATERIALIZED (
    SELECT DISTINCT ON (event.id)
        event.id,
        stored.batch_id,
        octet_length(event.context) AS bytes,
        date_trunc('month', event.occurred_at AT TIME ZONE 'UTC')::date AS month
    FROM stored
    JOIN outbox_event AS event USING (event_id)
    WHERE event.id BETWEEN %(first)s AND %(last)s
        AND NOT event.id <@ (
            SELECT coalesce(range_agg(run), '{}')
            FROM outbox_batch, unnest(ids) AS run
            WHERE state IN ('delivered', 'quarantined', 'discarded') AND upper(ids) > %(first)s
        )
    ORDER BY event.id, stored.batch_id
),
lost AS MATERIALIZED (
    SELECT batch_id, range_agg(int8range(id, id + 1)) AS ids, count(*) AS events, sum(bytes) AS bytes, min(month) AS month
    FROM orphan
    GROUP BY batch_id
),
-- A batch that still waits here had been split there: what its halves have is theirs, what is left of it waits on.
parent AS (
    UPDATE outbox_batch AS waiting
    SET state = 'split', owner = NULL, reason = 'It had been split before the database failed over.'
    WHERE state = 'sealed' AND EXISTS (SELECT FROM lost WHERE lost.ids && waiting.ids)
    RETURNING batch_id, ids, events, bytes, month
),
rest AS (
    INSERT INTO outbox_batch (parent_id, ids, events, bytes, month, attempts)
    SELECT parent.batch_id, parent.ids - taken.ids, parent.events - taken.events, parent.bytes - taken.bytes, parent.month, 1
    FROM parent
    CROSS JOIN LATERAL (
        SELECT range_agg(int8range(id, id + 1)) AS ids, count(*) AS events, sum(bytes) AS bytes
        FROM orphan
        WHERE id <@ parent.ids
    ) AS taken
    WHERE parent.events > taken.events
),
-- Each counts as attempted: the next attempt asks the store, finds all of it and settles.
adopted AS (
    INSERT INTO outbox_batch (batch_id, ids, events, bytes, month, attempts)
    SELECT batch_id, ids, events, bytes, month, 1
    FROM lost
    RETURNING batch_id, ids, events
),
passed_over AS (
    UPDATE outbox_cursor
    SET adopted = outbox_cursor.adopted + (SELECT coalesce(range_agg(run), '{}') FROM adopted, unnest(ids) AS run)
)
SELECT count(*) AS batches, coalesce(sum(events), 0)::bigint AS events FROM adopted
