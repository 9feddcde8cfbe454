-- A page of the batches with an event that occurred between these, by their ids: by partition and sorting key.
SELECT DISTINCT batch_id
FROM ${local_table}
WHERE event_date_time BETWEEN ${oldest} AND ${newest} AND batch_id > ${after}
ORDER BY batch_id
LIMIT ${limit}
