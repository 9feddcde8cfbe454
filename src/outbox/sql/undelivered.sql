-- What is sealed but not in the store yet, and since when the oldest of it waits.
SELECT
    count(*) AS batches,
    coalesce(sum(events), 0)::bigint AS events,
    coalesce(sum(bytes), 0)::bigint AS bytes,
    min(sealed_at) AS oldest_sealed_at
FROM outbox_batch
WHERE state = 'sealed'
