-- Which migrations were applied, and what they said then. On a cluster every node has the whole list.
CREATE TABLE IF NOT EXISTS ${migrations_table} ${on_cluster}
(
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = ${migrations_engine}
ORDER BY name
