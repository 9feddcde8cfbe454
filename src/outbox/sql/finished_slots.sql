-- The slots, other than today's, that hold events, all of them past retention as far as the newest tells.
SELECT slot
FROM generate_series(0, 7) AS slot
CROSS JOIN LATERAL (
    SELECT occurred_at FROM outbox_event WHERE outbox_event.slot = slot.slot ORDER BY id DESC LIMIT 1
) AS newest
WHERE newest.occurred_at < statement_timestamp() - %(retention)s * interval '1 second'
    AND slot <> floor(extract(epoch FROM statement_timestamp()) / 86400)::bigint %% 8
ORDER BY newest.occurred_at
