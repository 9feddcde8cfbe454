-- Rows, events and the sum (modulo 2^64) of the fingerprints of each batch, every copy counted (no FINAL).
SELECT
    batch_id,
    count() AS row_count,
    uniqExact(event_id) AS event_count,
    sum(${fingerprint}) AS checksum
FROM ${local_table}
WHERE batch_id IN (${batch_ids})
GROUP BY batch_id
