-- On a cluster, event_log is the view of all shards. A batch goes to one shard as a whole, so that it stays atomic.
CREATE TABLE IF NOT EXISTS ${table} ${on_cluster}
AS ${local_table}
ENGINE = Distributed(${cluster}, ${database}, 'event_log_local', cityHash64(batch_id))
