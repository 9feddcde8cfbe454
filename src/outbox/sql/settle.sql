-- Write down that the store has the batch, unless the lease has passed to somebody else.
UPDATE outbox_batch
SET
    state = 'delivered',
    delivered_at = statement_timestamp(),
    -- The first one stays: should the outbox have been altered before a replay, verify will show it.
    checksum = coalesce(checksum, %(checksum)s),
    owner = NULL,
    reason = NULL
WHERE batch_id = %(batch_id)s AND fence = %(fence)s AND state = 'sealed'
