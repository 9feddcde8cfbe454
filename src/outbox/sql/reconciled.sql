-- Keep what a comparison has found. One that was in order need not be made again.
UPDATE outbox_reconciliation
SET
    differences = %(differences)s,
    clean_at = CASE WHEN %(differences)s = 0 THEN greatest(clean_at, %(began_at)s) ELSE clean_at END
