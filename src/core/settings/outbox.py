"""The outbox's knobs. The defaults fit from one event a minute to some ten thousand a second."""

from core.settings.environment import seconds, whole

# A batch is read as one row, and PostgreSQL sends none of a gigabyte: what was sealed larger would wait for ever.
_MOST_BYTES = 256 * 2**20

OUTBOX_FLUSH_INTERVAL = seconds(
    "OUTBOX_FLUSH_INTERVAL", default=1.0, least=0.05, most=3600, purpose="pause between two ticks: seal, then deliver"
)
OUTBOX_MAX_EVENT_BYTES = whole(
    "OUTBOX_MAX_EVENT_BYTES",
    default=16 * 2**20,
    least=1,
    most=_MOST_BYTES,
    purpose="largest event accepted, as JSON in UTF-8",
)
OUTBOX_BATCH_ROWS = whole(
    "OUTBOX_BATCH_ROWS", default=10_000, least=1, most=1_000_000, purpose="most events in a batch"
)
# Seen with 8 MiB, as the kernel's VmHWM above that of a batch of ten small events: 39 MiB of Latin or Cyrillic text, 63
# with an emoji in each event, for one makes Python keep four bytes a character.
OUTBOX_BATCH_BYTES = whole(
    "OUTBOX_BATCH_BYTES",
    default=8 * 2**20,
    least=1,
    most=_MOST_BYTES,
    purpose="payload at which a batch is cut; a worker holds 5 times this (8 with emoji), plus the largest event",
)
OUTBOX_SEAL_LIMIT = whole(
    "OUTBOX_SEAL_LIMIT",
    default=1_000_000,
    least=1,
    most=100_000_000,
    purpose="events sealed in one pass, at a transaction's boundary",
)
OUTBOX_LEASE_SECONDS = seconds(
    "OUTBOX_LEASE_SECONDS",
    default=60.0,
    least=1.0,
    most=86400,
    purpose="a worker's right to a batch ends after this, by the database's clock",
)
OUTBOX_BACKOFF_BASE = seconds(
    "OUTBOX_BACKOFF_BASE",
    default=0.5,
    least=0.01,
    most=86400,
    purpose="first upper bound of the wait after a failed attempt; it doubles",
)
OUTBOX_BACKOFF_CAP = seconds(
    "OUTBOX_BACKOFF_CAP", default=30.0, least=0.01, most=86400, purpose="longest wait between two attempts"
)
OUTBOX_RETENTION = seconds(
    "OUTBOX_RETENTION",
    default=2 * 86400,
    purpose="how long delivered events stay in the outbox, at least; a day's events go all at once",
)
OUTBOX_LEDGER_RETENTION = seconds(
    "OUTBOX_LEDGER_RETENTION",
    default=400 * 86400,
    purpose="how long the ledger remembers a settled batch, so that verify can prove it",
)
