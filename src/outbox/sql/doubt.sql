-- An attempt at any waiting batch may have been forgotten: have the next one count as a repeated one, which asks first.
UPDATE outbox_batch SET attempts = attempts + 1 WHERE state = 'sealed'
