-- Keep events for ever.
ALTER TABLE ${local_table} ${on_cluster} REMOVE TTL
