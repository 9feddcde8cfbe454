-- Whether there is anything to do: a look at the near ends of two indexes, so that an idle tick costs nothing else.
SELECT
    adopt AS to_adopt,
    sweep
        OR cluster <> (SELECT system_identifier FROM pg_control_system())
        OR timeline <> outbox_timeline()
        OR pg_snapshot_xmax(snapshot) > pg_snapshot_xmax(pg_current_snapshot())
        -- Both are ordered so that the index is taken whatever the statistics say.
        OR EXISTS (
            SELECT
            FROM outbox_event
            WHERE txid >= pg_snapshot_xmax(snapshot) AND id - floor > 0
            ORDER BY txid
            LIMIT 1
        )
        OR EXISTS (
            SELECT
            FROM pg_snapshot_xip(snapshot) AS xip
            CROSS JOIN LATERAL (
                SELECT FROM outbox_event WHERE txid >= xip AND txid <= xip AND id - floor > 0 ORDER BY txid LIMIT 1
            ) AS committed_since
        ) AS to_seal,
    EXISTS (SELECT FROM outbox_batch WHERE state = 'sealed' AND due_at <= statement_timestamp()) AS to_deliver
FROM outbox_cursor
