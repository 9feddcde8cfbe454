-- Give a quarantined event up for good; its copy stays as evidence.
UPDATE outbox_batch
SET state = 'discarded', reason = %(reason)s
WHERE batch_id = %(batch_id)s AND state = 'quarantined'
