-- The home of event_log and of the list of what was applied to it.
CREATE DATABASE IF NOT EXISTS ${database} ${on_cluster}
