-- All that the store has was adopted: the sweep may take what is left.
UPDATE outbox_cursor SET adopt = false
