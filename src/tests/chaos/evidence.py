"""What happened to the events, seen from outside: through psycopg and clickhouse-driver, none of it our own code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.chaos.installation import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """From an event's recording to its last arrival in ClickHouse, or to the end if it never came."""

    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """`lost` are committed and not in ClickHouse, `repeated` are there more than once.

    `uncommitted` are in ClickHouse although no committed transaction recorded them. `vanished` are marks that a writer
    noted after its commit and that PostgreSQL does not have; `risen` were noted as rolled back, and it has them.
    """

    committed: int
    noted: int
    lost: Mapping[UUID, Life]
    repeated: Mapping[UUID, Life]
    uncommitted: set[UUID]
    vanished: set[str]
    risen: set[str]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.repeated or self.uncommitted or self.vanished or self.risen)


def everything_arrived(installation: Installation) -> bool:
    """Whether ClickHouse has as many different events as PostgreSQL has committed."""
    with installation.postgres() as database:
        (committed,) = database.execute("SELECT count(*) FROM outbox_event").fetchone() or (0,)
    return bool(committed == _from_clickhouse(installation, "SELECT uniqExact(event_id) FROM event_log")[0][0])


def gather(installation: Installation) -> Evidence:
    recorded: dict[UUID, datetime] = {}
    marks: set[str] = set()
    with installation.postgres() as database:
        for event_id, occurred_at, mark in database.execute(
            "SELECT event_id, occurred_at, context::json ->> 'mark' FROM outbox_event"
        ):
            recorded[event_id] = occurred_at
            marks.add(mark)
    stored = {
        event_id: (copies, last)
        for event_id, copies, last in _from_clickhouse(
            installation, "SELECT event_id, count(), max(inserted_at) FROM event_log GROUP BY event_id"
        )
    }
    now = datetime.now(UTC)
    noted, aborted = _notes(installation.folder, "committed"), _notes(installation.folder, "aborted")
    return Evidence(
        committed=len(recorded),
        noted=len(noted),
        lost={each: Life(began=at, ended=now) for each, at in recorded.items() if each not in stored},
        repeated={
            each: Life(began=recorded.get(each, last), ended=last)
            for each, (copies, last) in stored.items()
            if copies > 1
        },
        uncommitted=set(stored) - set(recorded),
        vanished=noted - marks,
        risen=aborted & marks,
    )


def _notes(folder: Path, what: str) -> set[str]:
    return {mark for line in _lines(folder) for word, *marks in [line.split()] if word == what for mark in marks}


def _lines(folder: Path) -> Iterator[str]:
    for file in folder.glob("*.marks"):
        # The last line of a writer that was killed may be cut short.
        yield from (line for line in file.read_text().split("\n")[:-1] if line)


def _from_clickhouse(installation: Installation, query: str) -> list[tuple[Any, ...]]:
    client = installation.clickhouse()
    try:
        rows: list[tuple[Any, ...]] = client.execute(query)
        return rows
    finally:
        client.disconnect()
