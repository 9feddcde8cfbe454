-- A page of the batches of which the table got rows since then, by their ids.
SELECT DISTINCT batch_id
FROM ${local_table}
WHERE inserted_at >= ${since} AND batch_id > ${after}
ORDER BY batch_id
LIMIT ${limit}
