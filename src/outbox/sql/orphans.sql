-- The events from before the re-basing that are in no batch: how many, from which id to which, from when to when.
SELECT
    count(*) AS events,
    min(id) AS first,
    max(id) AS last,
    min(occurred_at) AS oldest,
    max(occurred_at) AS newest
FROM outbox_event
WHERE id <= (SELECT floor FROM outbox_cursor)
    AND NOT id <@ (
        SELECT coalesce(range_agg(run), '{}')
        FROM outbox_batch, unnest(ids) AS run
        WHERE upper(ids) > (SELECT min(id) FROM outbox_event)
    )
