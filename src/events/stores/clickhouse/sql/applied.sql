-- The applied migrations. Two processes may both have noted one, so names are grouped.
SELECT name, any(checksum) AS checksum
FROM ${migrations_table}
GROUP BY name
ORDER BY name
