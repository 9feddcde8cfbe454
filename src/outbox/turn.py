"""One turn of the journey: look whether there is anything to do, seal, deliver. Beat asks for one every second."""

import structlog

from events.store import StoreUnavailable
from kit.span import span
from outbox import query, relay
from outbox.adoption import adopt
from outbox.sealing import seal

log = structlog.get_logger(__name__)


def turn(*, seconds: float) -> None:
    """Seal what has been committed and deliver what is due; a new delivery is begun no later than after the time."""
    work = query.record("work")
    assert work is not None, "outbox_cursor has lost its row"
    to_deliver = work["to_deliver"]
    try:
        if work["to_adopt"]:
            _adopt()
        # While the store is left alone nothing need be sealed: many small batches become few large ones.
        if work["to_seal"] and not relay.breaker.is_open:
            sealing = seal()
            to_deliver = to_deliver or (sealing is not None and sealing.batches > 0)
    finally:
        # What hinders sealing (writers that cannot be held, after a move to another cluster) does not hinder this.
        if to_deliver:
            relay.deliver_due(seconds=seconds)


def _adopt() -> None:
    if relay.breaker.is_open:
        return
    try:
        with span("outbox.adopt"):
            adopt()
    except StoreUnavailable as error:
        relay.breaker.trip(error)
        log.warning("adoption_postponed", reason=str(error))
