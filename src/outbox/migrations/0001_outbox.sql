-- The outbox: a log. Rows are written once, never updated and never deleted; a slot is truncated as a whole.
CREATE TABLE outbox_event (
    id bigint GENERATED ALWAYS AS IDENTITY,
    -- One slot a day on a ring of eight, by the database's clock.
    slot smallint NOT NULL DEFAULT (floor(extract(epoch FROM statement_timestamp()) / 86400)::bigint % 8)::smallint,
    -- The writing transaction. Ids are not in the order of commits, so sealing goes by this.
    txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    environment text NOT NULL,
    -- JSON as it goes to the store. It is text because nobody parses it on the way.
    context text NOT NULL,
    metadata_version smallint NOT NULL,
    actor_id text NOT NULL,
    request_id text NOT NULL,
    trace_context text NOT NULL,
    -- PostgreSQL wants the partition key in it; id comes first, because everything is looked up by id.
    PRIMARY KEY (id, slot)
) PARTITION BY LIST (slot);

CREATE INDEX outbox_event_txid ON outbox_event (txid);

CREATE TABLE outbox_event_slot_0 PARTITION OF outbox_event FOR VALUES IN (0);
CREATE TABLE outbox_event_slot_1 PARTITION OF outbox_event FOR VALUES IN (1);
CREATE TABLE outbox_event_slot_2 PARTITION OF outbox_event FOR VALUES IN (2);
CREATE TABLE outbox_event_slot_3 PARTITION OF outbox_event FOR VALUES IN (3);
CREATE TABLE outbox_event_slot_4 PARTITION OF outbox_event FOR VALUES IN (4);
CREATE TABLE outbox_event_slot_5 PARTITION OF outbox_event FOR VALUES IN (5);
CREATE TABLE outbox_event_slot_6 PARTITION OF outbox_event FOR VALUES IN (6);
CREATE TABLE outbox_event_slot_7 PARTITION OF outbox_event FOR VALUES IN (7);

-- The ledger: one row a batch. It is the proof, so it outlives the outbox's slots.
CREATE TABLE outbox_batch (
    batch_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- The batch that the store refused and that was split into this one and its twin.
    parent_id uuid REFERENCES outbox_batch ON DELETE SET NULL,
    state text NOT NULL DEFAULT 'sealed' CHECK (state IN ('sealed', 'delivered', 'split', 'quarantined', 'discarded')),
    ids int8multirange NOT NULL,
    events integer NOT NULL CHECK (events > 0),
    bytes bigint NOT NULL,
    -- The store's partition: the month of occurred_at.
    month date NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    -- When a worker may take it: at once, after a lease has run out, or after a backoff.
    due_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    -- Who delivers it now, and the number that makes an older lease void.
    owner text,
    fence bigint NOT NULL DEFAULT 0,
    -- How often it was replayed on purpose: each time under a token of its own, or the store would take it for a repeat.
    replays integer NOT NULL DEFAULT 0,
    reason text,
    delivered_at timestamptz,
    -- The sum of the events' fingerprints modulo 2^64, known from the first delivery on and never changed.
    checksum numeric(20),
    CHECK (state <> 'delivered' OR (checksum IS NOT NULL AND delivered_at IS NOT NULL))
) WITH (fillfactor = 70);

CREATE INDEX outbox_batch_due ON outbox_batch (due_at) WHERE state = 'sealed';
CREATE INDEX outbox_batch_sealed_at ON outbox_batch (sealed_at, batch_id);
CREATE INDEX outbox_batch_delivered_at ON outbox_batch (delivered_at, batch_id) WHERE state = 'delivered';
CREATE INDEX outbox_batch_parent ON outbox_batch (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX outbox_batch_quarantined ON outbox_batch (sealed_at) WHERE state = 'quarantined';

-- Refused events, kept aside so that their slot can be rotated: one row for each quarantined batch, which holds one event.
CREATE TABLE outbox_quarantine (
    batch_id uuid PRIMARY KEY REFERENCES outbox_batch ON DELETE CASCADE,
    id bigint NOT NULL,
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    environment text NOT NULL,
    context text NOT NULL,
    metadata_version smallint NOT NULL,
    actor_id text NOT NULL,
    request_id text NOT NULL,
    trace_context text NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT statement_timestamp()
);

-- The sealer's cursor: one row.
CREATE TABLE outbox_cursor (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    -- What the last sealing saw. Everything that became visible since is not sealed yet.
    snapshot pg_snapshot NOT NULL,
    -- The cluster whose transaction ids these are, and the last id that was written under another's.
    cluster bigint NOT NULL,
    floor bigint NOT NULL DEFAULT 0,
    -- Whether the next sealing shall also take what is neither new nor in any batch.
    sweep boolean NOT NULL DEFAULT false
) WITH (fillfactor = 10);

INSERT INTO outbox_cursor (snapshot, cluster)
SELECT pg_current_snapshot(), system_identifier FROM pg_control_system();
