-- Why a slot must not be truncated: events of it that are not sealed, not delivered, or younger than the retention.
SELECT
    EXISTS (
        SELECT
        FROM outbox_event
        WHERE slot = %(slot)s AND id - %(floor)s > 0
            AND (txid >= %(since)s::xid8 OR txid = ANY (%(were_in_progress)s::text[]::xid8[]))
    ) AS unsealed,
    EXISTS (
        SELECT
        FROM outbox_batch AS batch
        CROSS JOIN LATERAL unnest(batch.ids) AS run
        CROSS JOIN LATERAL (
            SELECT FROM outbox_event WHERE slot = %(slot)s AND id >= lower(run) AND id < upper(run) LIMIT 1
        ) AS event
        WHERE batch.state = 'sealed'
    ) AS undelivered,
    EXISTS (
        SELECT
        FROM (SELECT occurred_at FROM outbox_event WHERE slot = %(slot)s ORDER BY id DESC LIMIT 1) AS newest
        WHERE newest.occurred_at >= statement_timestamp() - %(retention)s * interval '1 second'
    ) AS young
