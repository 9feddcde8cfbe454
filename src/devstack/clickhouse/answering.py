"""Answering one query: what its statement asks for is done with the engine, and the packets of the answer are sent."""

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from devstack.clickhouse.blocks import Column, split_blocks
from devstack.clickhouse.engine import EngineSession
from devstack.clickhouse.errors import ClientGone, ServerError
from devstack.clickhouse.external_tables import temporary_tables
from devstack.clickhouse.incoming import ExternalTable, Incoming
from devstack.clickhouse.insert_columns import columns_to_insert
from devstack.clickhouse.insert_statement import Insert
from devstack.clickhouse.packets import END_OF_STREAM, Query
from devstack.clickhouse.query_ids import QueryIds
from devstack.clickhouse.result import Result, columns_told_by
from devstack.clickhouse.session_settings import SessionSettings
from devstack.clickhouse.statement import Command, Rows, Statement, parse
from devstack.clickhouse.watcher import Interruption, Watch


@dataclass(frozen=True, slots=True)
class Client:
    """What the queries of one connection share; `folder` takes the rows of an INSERT until they are complete."""

    session: EngineSession
    settings: SessionSettings
    folder: Path
    send: Callable[[bytes], None]
    watching: Callable[[], AbstractContextManager[Watch]]
    query_ids: QueryIds


class Answer:
    """Call `give` once."""

    def __init__(self, client: Client, query: Query, incoming: Incoming) -> None:
        self._client = client
        self._query = query
        self._incoming = incoming
        self._session = client.session
        self._result = Result(client.send, method=query.answer_method)

    def give(self) -> None:
        """Raises ServerError for what the client is to be told, ClientGone if there is none any more."""
        tables = self._incoming.external_tables()
        if not self._incoming.cancelled:
            self._answer(parse(self._query.sql), tables)
        self._client.send(END_OF_STREAM)

    def _answer(self, statement: Statement, tables: Sequence[ExternalTable]) -> None:
        if isinstance(statement, Command) and statement.sets:
            self._client.settings.run_set(statement.sql)
            return
        with (
            self._client.query_ids.running(self._query.query_id),
            self._client.settings.applied(self._query.settings),
            temporary_tables(self._session, tables, folder=self._client.folder),
        ):
            self._carry_out(statement)

    def _carry_out(self, statement: Statement) -> None:
        # A client that inserts is still sending: what it sends is data, and not to be looked through for a Cancel.
        if isinstance(statement, Insert):
            self._insert(statement)
            return
        with self._client.watching() as watch:
            try:
                if isinstance(statement, Rows):
                    self._stream(statement, watch)
                else:
                    self._run(statement)
            except ServerError:
                # A query that was killed because its client wants it to end, ends without an error.
                if _interruption(watch) is Interruption.NONE:
                    raise

    def _stream(self, statement: Rows, watch: Watch) -> None:
        columns, bodies = self._begun_stream(statement.sql)
        self._result.begin(columns)
        send_block = self._result.blocks_of(columns)
        with closing(bodies):
            for body in bodies:
                if _interruption(watch) is not Interruption.NONE:
                    return
                send_block(body)

    def _begun_stream(self, sql: str) -> tuple[Sequence[Column], Generator[bytes]]:
        """The columns of a SELECT and all its blocks."""
        bodies = self._session.stream(sql)
        first = next(bodies, None)
        told = columns_told_by(first) if first is not None else None
        if first is not None and told is not None:
            return told, _chained(first, bodies)
        # A session has one query at a time: describing this one ends it, so it is begun again.
        bodies.close()
        described = [column for column, _ in self._session.columns(f"(\n{sql}\n)")]
        return described, self._session.stream(sql) if first is not None else _nothing()

    def _run(self, statement: Command) -> None:
        sql = self._client.query_ids.in_engines_words(statement.sql) if statement.kills else statement.sql
        answer = self._session.run(sql)
        for block in split_blocks(answer):
            self._result.block(block.body)
        if statement.answers and not answer:
            self._result.begin(self._session.answer_columns(statement.sql))

    def _insert(self, statement: Insert) -> None:
        """Keep the rows in a file until the last one is here: then the engine gets all of them, or none."""
        with tempfile.TemporaryFile(dir=self._client.folder) as file:
            if statement.inline:
                file.write(statement.inline.encode("utf-8", "surrogateescape"))
                file.flush()
                self._session.insert(
                    statement.head, file, settings=statement.settings, data_format=statement.data_format
                )
                return
            self._result.begin(columns_to_insert(self._session, statement))
            if self._incoming.store(file):
                self._session.insert(statement.head, file, settings=statement.settings, data_format="Native")


def _interruption(watch: Watch) -> Interruption:
    if watch.look() is Interruption.GONE:
        raise ClientGone("during its query")
    return watch.interruption


def _chained(first: bytes, rest: Generator[bytes]) -> Generator[bytes]:
    with closing(rest):
        yield first
        yield from rest


def _nothing() -> Generator[bytes]:
    yield from ()
