"""The fingerprint of an event: 64 bits that Python and ClickHouse compute alike, so that `verify` can compare them."""

from collections.abc import Sequence

from xxhash import xxh64_intdigest

from events.store import Columns

# ASCII's unit separator: JSON escapes it, so that what comes before and after the context cannot be mistaken for it.
SEPARATOR = "\x1f"


def fingerprints(events: Columns) -> Sequence[int]:
    """The xxHash64 of every event, over all its columns joined as text in their order."""
    return [
        xxh64_intdigest(
            f"{event_id}\x1f{event_type}\x1f{occurred_us}\x1f{environment}\x1f{context}\x1f{version}"
            f"\x1f{actor_id}\x1f{request_id}\x1f{trace_id}\x1f{span_id}"
        )
        for event_id, event_type, occurred_us, environment, context, version, actor_id, request_id, trace_id, span_id
        in zip(
            events.event_id, events.event_type, events.occurred_us, events.environment, events.context,
            events.metadata_version, events.actor_id, events.request_id, events.trace_id, events.span_id,
            strict=True,
        )
    ]  # fmt: skip


def checksum(hashes: Sequence[int]) -> int:
    """The sum of fingerprints modulo 2**64: unlike XOR it does not lose a pair of repeats."""
    return sum(hashes) % 2**64
