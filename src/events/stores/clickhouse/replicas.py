"""Reads that decide something, such as whether a batch has arrived: on a cluster, every replica is asked.

A replica may lag behind: it has not got yet what another one has acknowledged. An INSERT is acknowledged by most
replicas of a shard (`insert_quorum`), so whichever half of them answers, one of those has it. See docs/scaling.md.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from heapq import merge
from itertools import groupby, islice
from operator import or_
from typing import Any
from uuid import UUID

from events.store import Digest, StoreMisconfigured, StoreUnavailable
from events.stores.clickhouse.connection import DrainingConnection
from events.stores.clickhouse.layout import Layout
from events.stores.clickhouse.sql import statement

type Rows = Sequence[tuple[Any, ...]]
# By shard, and by replica within it. A single node is one replica of one shard.
type Answers = Sequence[Sequence[Rows]]

_LOW_HALF = (1 << 64) - 1


async def answers(
    connection: DrainingConnection, query: str, *, columns: str, layout: Layout, settings: Mapping[str, str]
) -> Answers:
    """What the query finds, by shard and replica. Raises TooFewReplicas, and StoreMisconfigured."""
    if not layout.cluster:
        return [[await connection.execute(query, settings=settings)]]
    names = layout.values()
    sizes = [size for (size,) in await connection.execute(statement("replicas", **names), settings=settings)]
    found = await connection.execute(
        statement("every_replica", query=query, columns=columns, **names),
        settings={**settings, "skip_unavailable_shards": "1"},
    )
    by_shard: dict[str, dict[str, Rows]] = {}
    for shard, replica, rows in found:
        by_shard.setdefault(shard, {})[replica] = rows
    _demand_enough({shard: len(replicas) for shard, replicas in by_shard.items()}, sizes=sizes)
    return [list(replicas.values()) for replicas in by_shard.values()]


def _demand_enough(answered: Mapping[str, int], *, sizes: Sequence[int]) -> None:
    if len(set(sizes)) != 1:
        raise StoreMisconfigured(reason=f"shards have different numbers of replicas: {sorted(sizes)}")
    if len(answered) != len(sizes):
        raise TooFewReplicas(reason=f"{len(answered)} of {len(sizes)} shards answer")
    # Most of n are n // 2 + 1, and those are met by any n - n // 2.
    needed = sizes[0] - sizes[0] // 2
    for shard, replicas in answered.items():
        if replicas < needed:
            raise TooFewReplicas(reason=f"{replicas} of {sizes[0]} replicas of shard {shard} answer, {needed} must")


def copies(found: Answers) -> Iterator[tuple[Any, ...]]:
    """Every row as often as it is stored: replicas have the same one, shards do not."""
    for replicas in found:
        yield from reduce(or_, map(Counter, replicas)).elements()


def digests(found: Answers) -> dict[UUID, Digest]:
    """The digest of each batch: of the replica that has most of it, and of all shards together."""
    total: dict[UUID, Digest] = {}
    for replicas in found:
        rows = sorted((row for replica in replicas for row in replica), key=lambda row: (row[0], row[1]))
        for batch_id, versions in groupby(rows, key=lambda row: row[0]):
            *_, (_, stored, events, checksum) = versions
            so_far = total.get(batch_id, Digest(rows=0, events=0, checksum=0))
            total[batch_id] = Digest(
                rows=so_far.rows + stored,
                events=so_far.events + events,
                checksum=(so_far.checksum + checksum) % 2**64,
            )
    return total


def page(found: Answers, *, limit: int) -> list[UUID]:
    """The first ids of all pages, in the order that each is in."""
    pages = ((row[0] for row in replica) for replicas in found for replica in replicas)
    ordered = merge(*pages, key=_as_clickhouse_sorts)
    return list(islice((batch_id for batch_id, _ in groupby(ordered)), limit))


def _as_clickhouse_sorts(batch_id: UUID) -> tuple[int, int]:
    return batch_id.int & _LOW_HALF, batch_id.int >> 64


class TooFewReplicas(StoreUnavailable):
    """Nobody can say what the event store has: {reason}. Nothing is lost; it is asked again."""
