-- The fingerprint of every row of one batch, every copy a row of its own (no FINAL); see events.fingerprint.
SELECT
    event_id,
    ${fingerprint} AS fingerprint
FROM ${local_table}
WHERE batch_id = ${batch_id}
