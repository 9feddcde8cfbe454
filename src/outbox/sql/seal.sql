-- Seal what became visible since the last sealing: cut it into batches, enter them into the ledger, move the cursor.
WITH
-- This statement's own snapshot: what it sees is exactly what the next sealing need not look at.
present AS MATERIALIZED (
    SELECT pg_current_snapshot() AS snapshot, pg_snapshot_xmax(pg_current_snapshot()) AS xmax
),
-- Where this pass ends. It is the present, or the transaction that would exceed the limit; if that is the first one, then the next.
oldest AS MATERIALIZED (
    SELECT txid
    FROM outbox_event
    WHERE txid >= %(since)s::xid8 AND txid < (SELECT xmax FROM present)
    ORDER BY txid
    LIMIT 1
),
beyond_limit AS MATERIALIZED (
    SELECT txid
    FROM outbox_event
    WHERE txid >= %(since)s::xid8 AND txid < (SELECT xmax FROM present)
    ORDER BY txid
    OFFSET %(limit)s
    LIMIT 1
),
until AS MATERIALIZED (
    SELECT least(
        present.xmax,
        CASE
            WHEN beyond_limit.txid > oldest.txid THEN beyond_limit.txid
            WHEN beyond_limit.txid = oldest.txid THEN (oldest.txid::text::bigint + 1)::text::xid8
        END
    ) AS txid
    FROM present LEFT JOIN oldest ON true LEFT JOIN beyond_limit ON true
),
-- What should have been sealed and is in no batch: after a move to another cluster, where transaction ids say nothing.
swept AS MATERIALIZED (
    SELECT id, occurred_at, octet_length(context) AS bytes
    FROM outbox_event
    WHERE %(sweep)s
        AND NOT (id > %(floor)s AND (txid >= %(since)s::xid8 OR txid = ANY (%(were_in_progress)s::text[]::xid8[])))
        AND NOT id <@ (SELECT outbox_batched())
    ORDER BY id
    LIMIT %(limit)s
),
-- `id - floor > 0`, because `id > floor` would tempt the planner to read the whole index on id.
fresh AS (
    SELECT id, occurred_at, octet_length(context) AS bytes
    FROM outbox_event
    WHERE txid >= %(since)s::xid8
        AND txid < (SELECT txid FROM until)
        AND id - %(floor)s > 0
        AND (%(adopted)s = '{}' OR NOT id <@ %(adopted)s::int8multirange)
    UNION ALL
    -- Transactions that were open at the last sealing and have been committed since.
    SELECT id, occurred_at, octet_length(context)
    FROM outbox_event
    WHERE txid = ANY (%(were_in_progress)s::text[]::xid8[])
        AND id - %(floor)s > 0
        AND (%(adopted)s = '{}' OR NOT id <@ %(adopted)s::int8multirange)
    UNION ALL
    SELECT id, occurred_at, bytes FROM swept
),
-- Every row's place within its month, and the weight of those before it. A row weighs its payload, but at least its share of a full batch.
placed AS (
    SELECT
        id,
        month,
        bytes,
        row_number() OVER preceding AS place,
        sum(greatest(bytes, %(row_weight)s)) OVER preceding - greatest(bytes, %(row_weight)s) AS weight_before
    FROM (SELECT id, bytes, date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date AS month FROM fresh) AS dated
    WINDOW preceding AS (PARTITION BY month ORDER BY id ROWS UNBOUNDED PRECEDING)
),
-- Runs of neighbouring ids within a batch (gaps and islands): a range for a run is half the work of a range for a row.
run AS (
    SELECT
        month,
        weight_before / %(batch_weight)s AS batch,
        int8range(min(id), max(id) + 1) AS ids,
        count(*) AS events,
        sum(bytes) AS bytes
    FROM placed
    GROUP BY month, batch, id - place
),
sealed AS (
    INSERT INTO outbox_batch (ids, events, bytes, month)
    SELECT range_agg(ids), sum(events), sum(bytes), month
    FROM run
    GROUP BY month, batch
    ORDER BY month, batch
    RETURNING events
),
still_open AS (
    SELECT xip FROM present, pg_snapshot_xip(present.snapshot) AS xip WHERE xip < (SELECT txid FROM until)
),
moved AS (
    UPDATE outbox_cursor
    SET
        snapshot = (
            SELECT
                least((SELECT min(xip) FROM still_open), until.txid)::text
                || ':' || until.txid::text || ':'
                || coalesce((SELECT string_agg(xip::text, ',' ORDER BY xip) FROM still_open), '')
            FROM until
        )::pg_snapshot,
        -- One that was asked for since this pass began stays asked for.
        sweep = CASE WHEN %(sweep)s THEN (SELECT count(*) FROM swept) = %(limit)s ELSE sweep END,
        -- What was adopted had been committed: this pass has seen all of it, unless it was cut short.
        adopted = CASE WHEN (SELECT until.txid < present.xmax FROM until, present) THEN adopted ELSE '{}' END
    -- An idle pass writes nothing. A bounded one moves on even if another cluster's rows were all it met.
    WHERE %(sweep)s OR %(adopted)s <> '{}' OR EXISTS (SELECT FROM sealed) OR (SELECT until.txid < present.xmax FROM until, present)
)
SELECT
    count(*) AS batches,
    coalesce(sum(events), 0)::bigint AS events,
    (SELECT until.txid < present.xmax FROM until, present) OR (SELECT count(*) FROM swept) = %(limit)s AS more
FROM sealed
