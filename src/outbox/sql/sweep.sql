-- Have the next sealing take what no batch holds, as well.
UPDATE outbox_cursor SET sweep = true
