-- How many replicas each shard has.
SELECT count()
FROM system.clusters
WHERE cluster = ${cluster_name}
GROUP BY shard_num
