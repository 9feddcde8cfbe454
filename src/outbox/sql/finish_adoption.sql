-- The store has been asked for everything, by whoever still has the claim: sealing and delivering go on.
UPDATE outbox_cursor SET adopting_since = NULL, adopt_at = 'infinity' WHERE adopt_at = %(claim)s
