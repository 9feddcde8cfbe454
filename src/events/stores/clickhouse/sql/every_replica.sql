-- What a query finds on each replica that answers, with the names of its shard and of itself: one row a replica.
SELECT shard, replica, found
FROM clusterAllReplicas(${cluster}, view(
    SELECT getMacro('shard') AS shard, getMacro('replica') AS replica, groupArray(tuple(${columns})) AS found
    FROM (${query})
))
