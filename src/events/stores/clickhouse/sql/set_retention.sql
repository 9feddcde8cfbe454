-- Drop events this long after they happened.
ALTER TABLE ${local_table} ${on_cluster} MODIFY TTL event_date_time + toIntervalDay(${days})
