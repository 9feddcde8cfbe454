"""How the commands show figures to a person: lines of text, and a progress bar on a terminal."""

import time
from collections.abc import Iterable, Iterator

from outbox.management.actions.action import Stream
from outbox.status import Status
from outbox.verification import Difference, Verification

_WIDTH = 30
_NAMED_AT_MOST = 20


def status_lines(found: Status) -> Iterator[str]:
    age = "" if found.oldest_pending_seconds is None else f", the oldest for {found.oldest_pending_seconds:,.1f} s"
    yield f"pending      {count(found.pending_events, 'event')}, {size(found.pending_bytes)}{age}"
    yield f"unsealed     {count(found.unsealed_events, 'event')}"
    if found.has_moved:
        yield "             the database failed over or has moved: all waits until the store was asked what it has"
    for state, figures in found.batches.items():
        events, batches = count(figures["events"], "event"), count(figures["batches"], "batch")
        # A split batch's events are its halves'.
        what = f"{batches}, replaced by their halves" if state == "split" else f"{events} in {batches}"
        yield f"{state:<12} {what}{'' if state == 'split' else ', ' + size(figures['bytes'])}"
    if found.last_failure:
        failure = found.last_failure
        yield f"last error   {failure['reason']}"
        again = f"again at {failure['due_at']:%H:%M:%S %Z}"
        yield f"             batch {failure['batch_id']}, attempt {failure['attempts']}, {again}"
    for slot in found.slots:
        today = "  <- today" if slot["today"] else ""
        fill = f"~{slot['rows']:>10,} rows {size(slot['bytes']):>10}, {slot['dead_rows']:,} dead"
        yield f"{slot['slot']:<20} {fill}{today}"


def difference_lines(difference: Difference) -> Iterator[str]:
    yield f"batch {difference.batch_id}"
    for kind in ("missing", "repeated", "changed", "unexpected"):
        event_ids = getattr(difference, kind)
        for event_id in event_ids[:_NAMED_AT_MOST]:
            yield f"  {kind}: {event_id}"
        if len(event_ids) > _NAMED_AT_MOST:
            yield f"  {kind}: {len(event_ids) - _NAMED_AT_MOST:,} more (--json names them all)"
    if difference.unnamed:
        yield f"  {difference.unnamed:,} differences that cannot be named: the outbox has been rotated since"


def verification_lines(found: Verification, *, pending: int, quarantined: int) -> Iterator[str]:
    for difference in found.differences:
        yield from difference_lines(difference)
    for event_id in found.strays[:_NAMED_AT_MOST]:
        yield f"in no batch: {event_id}"
    for batch_id in found.unknown_batches[:_NAMED_AT_MOST]:
        yield f"in the store, not in the ledger: batch {batch_id}"
    waits = f"; {count(pending, 'event')} {'is' if pending == 1 else 'are'} still on the way" if pending else ""
    refused = ""
    if quarantined:
        refused = f"; {count(quarantined, 'event')} {'is' if quarantined == 1 else 'are'} in quarantine"
    verified = f"verified {count(found.events, 'event')} in {count(found.batches, 'batch')}"
    yield f"{verified}: {_verdict(found)}{waits}{refused}"


def _verdict(found: Verification) -> str:
    faults = []
    if differing := len(found.differences):
        faults.append(f"{count(differing, 'batch')} {'DIFFERS' if differing == 1 else 'DIFFER'}")
    if strays := len(found.strays):
        faults.append(f"{count(strays, 'event')} {'IS' if strays == 1 else 'ARE'} IN NO BATCH")
    if unknown := len(found.unknown_batches):
        faults.append(f"{count(unknown, 'batch')} of the store {'IS' if unknown == 1 else 'ARE'} NOT IN THE LEDGER")
    return ", ".join(faults) or "in order"


def progress(steps: Iterable[Verification], *, of: int, to: Stream) -> Iterator[Verification]:
    """Pass the steps on; on a terminal, draw how far they have come."""
    drawn_at = 0.0
    for step in steps:
        if to.isatty() and time.monotonic() - drawn_at > 0.1:  # noqa: PLR2004 -- ten frames a second
            drawn_at = time.monotonic()
            to.write(bar(done=step.batches, of=of, unit="batch"), ending="")
        yield step
    if drawn_at:
        to.write("\r\033[K", ending="")


def bar(*, done: int, of: int, unit: str) -> str:
    """A line that draws itself over the one before."""
    part = min(1.0, done / of) if of else 1.0
    return f"\r[{'#' * int(part * _WIDTH):<{_WIDTH}}] {part:4.0%} {count(done, unit)}\033[K"


def size(number: int) -> str:
    """A number of bytes in the largest unit that leaves it above one."""
    amount = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:  # noqa: PLR2004 -- the step of the units
            return f"{amount:,.0f} {unit}" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1024
    return f"{amount:,.1f} TiB"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 batch, 2 batches."""
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"
