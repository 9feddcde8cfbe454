-- What is sealed but not in the store yet.
SELECT count(*) AS batches, coalesce(sum(events), 0)::bigint AS events, coalesce(sum(bytes), 0)::bigint AS bytes
FROM outbox_batch
WHERE state = 'sealed'
