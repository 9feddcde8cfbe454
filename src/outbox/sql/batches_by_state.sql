-- The ledger in figures: a row for every state. What is settled counts since then, what is not counts in any case.
SELECT state, count(*) AS batches, sum(events)::bigint AS events, sum(bytes)::bigint AS bytes, min(sealed_at) AS oldest_sealed_at
FROM outbox_batch
WHERE sealed_at >= %(since)s OR state IN ('sealed', 'quarantined')
GROUP BY state
ORDER BY state
