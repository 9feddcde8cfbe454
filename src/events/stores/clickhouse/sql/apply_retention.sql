-- Have the parts that are there already follow the retention; the engine does it in the background.
ALTER TABLE ${local_table} ${on_cluster} MATERIALIZE TTL
