-- Since when the oldest event waits in a batch. The batch may be younger: sealed after an outage of the workers, or half
-- of one that was refused. Ids are in the order of recording, so the first events of the batches with the lowest ids
-- tell: the beginning of the index outbox_batch_foremost, however many have piled up behind. What is replayed on purpose
-- is old, and nobody has been waiting for it.
SELECT min(coalesce((SELECT occurred_at FROM outbox_event WHERE id = first LIMIT 1), sealed_at)) AS oldest_at
FROM (
    SELECT lower(ids) AS first, sealed_at
    FROM outbox_batch
    WHERE state = 'sealed' AND replays = 0
    ORDER BY lower(ids)
    LIMIT 100
) AS foremost
