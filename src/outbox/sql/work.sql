-- Whether there is anything to do: a look at the near ends of two indexes, so that an idle tick costs nothing else.
SELECT
    adopt_at <= statement_timestamp() AS to_adopt,
    NOT outbox_same_history()
        OR adopting_since IS NULL AND (
            sweep
            OR rebase
            OR adopted <> '{}'
            -- Not EXISTS, which forgets the order: the index is to be taken whatever the statistics say. The upper bound
            -- keeps another cluster's transaction ids out.
            OR (
                SELECT true
                FROM outbox_event
                WHERE txid >= pg_snapshot_xmax(snapshot)
                    AND txid < pg_snapshot_xmax(pg_current_snapshot())
                    AND id - floor > 0
                ORDER BY txid
                LIMIT 1
            ) IS NOT NULL
            OR EXISTS (
                SELECT
                FROM pg_snapshot_xip(snapshot) AS xip
                CROSS JOIN LATERAL (
                    SELECT txid
                    FROM outbox_event
                    WHERE txid >= xip AND txid <= xip AND id - floor > 0
                    ORDER BY txid
                    LIMIT 1
                ) AS committed_since
            )
        ) AS to_seal,
    EXISTS (SELECT FROM outbox_batch WHERE state = 'sealed' AND due_at <= statement_timestamp()) AS to_deliver
FROM outbox_cursor
