-- What the last comparison of ledger and store has found: one row. It is not in the cursor, which the sealer alone writes.
CREATE TABLE outbox_reconciliation (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    -- When the last comparison began that found everything in order; before the first one, when we began to compare.
    clean_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    -- What the last one found, whatever came of it.
    differences bigint NOT NULL DEFAULT 0
);

INSERT INTO outbox_reconciliation DEFAULT VALUES;
