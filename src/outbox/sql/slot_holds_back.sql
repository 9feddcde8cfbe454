-- Why a slot must not be truncated: it has events that are in no batch, or younger than the retention.
WITH
span AS MATERIALIZED (
    SELECT int8range(min(id), max(id), '[]') AS ids FROM outbox_event WHERE slot = %(slot)s
)
SELECT
    -- By the ledger, not by the sealer's cursor: what was never sealed, for whatever reason, must not be lost.
    EXISTS (
        SELECT
        FROM outbox_event
        WHERE slot = %(slot)s
            AND NOT id <@ (
                SELECT coalesce(range_agg(run), '{}')
                FROM outbox_batch AS batch, unnest(batch.ids) AS run
                WHERE batch.ids && (SELECT ids FROM span)
            )
    ) AS unsealed,
    EXISTS (
        SELECT
        FROM (SELECT occurred_at FROM outbox_event WHERE slot = %(slot)s ORDER BY id DESC LIMIT 1) AS newest
        WHERE newest.occurred_at >= statement_timestamp() - %(retention)s * interval '1 second'
    ) AS young
