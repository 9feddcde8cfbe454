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
-- Neighbours by id are taken together before anything is sorted or cut: 0.6 of the time that each by itself takes. What is
-- heavy stands alone, so that a batch can end beside it. A row's day (in UTC) is told cheaply, its month is not.
grouped AS (
    SELECT
        id >> %(bits)s AS stretch,
        date_bin('1 day', occurred_at, timestamptz '2000-01-01 00:00+00') AS day,
        CASE WHEN bytes > %(heavy)s THEN id END AS alone,
        -- Which ids of the stretch there are: a bit for each.
        bit_or(1::bigint << (id & %(mask)s)::int) AS members,
        count(*) AS events,
        sum(bytes) AS bytes
    FROM fresh
    GROUP BY stretch, day, alone
),
-- A stretch weighs its payload, but at least its rows' share of a full batch.
weighed AS (
    SELECT
        *,
        date_trunc('month', day AT TIME ZONE 'UTC')::date AS month,
        greatest(bytes, events * %(row_weight)s)::int AS weight
    FROM grouped
),
placed AS (
    SELECT *, (sum(weight) OVER preceding - weight) / %(batch_weight)s AS batch
    FROM weighed
    WINDOW preceding AS (PARTITION BY month ORDER BY stretch, day, alone ROWS UNBOUNDED PRECEDING)
),
run AS (
    SELECT
        month,
        batch,
        events,
        bytes,
        CASE
            WHEN alone IS NOT NULL THEN int8multirange(int8range(alone, alone + 1))
            WHEN members = %(whole)s THEN int8multirange(int8range(stretch << %(bits)s, (stretch + 1) << %(bits)s))
            ELSE (
                SELECT range_agg(int8range(id, id + 1))
                FROM generate_series(stretch << %(bits)s, ((stretch + 1) << %(bits)s) - 1) AS id
                WHERE (members >> (id & %(mask)s)::int) & 1 = 1
            )
        END AS ids
    FROM placed
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
