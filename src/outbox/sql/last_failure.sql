-- The batch that waits because its last attempt failed, the most tried one first.
SELECT batch_id, attempts, reason, due_at
FROM outbox_batch
WHERE state = 'sealed' AND reason IS NOT NULL
ORDER BY attempts DESC, due_at
LIMIT 1
