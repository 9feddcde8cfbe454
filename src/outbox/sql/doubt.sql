-- The first attempt at a waiting batch may have been forgotten: have the next one count as a second, which asks first.
UPDATE outbox_batch SET attempts = 1 WHERE state = 'sealed' AND attempts = 0
