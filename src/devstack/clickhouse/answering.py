"""Answering one query: what its statement asks for is done with the engine, and the packets of the answer are sent."""

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from devstack.clickhouse.blocks import Column, split_blocks
from devstack.clickhouse.engine import EngineSession
from devstack.clickhouse.errors import ClientGone, ServerError
from devstack.clickhouse.external_tables import temporary_tables
from devstack.clickhouse.incoming import ExternalTable, Incoming, InsertCancelled
from devstack.clickhouse.insert_statement import Insert
from devstack.clickhouse.packets import END_OF_STREAM, Query
from devstack.clickhouse.result import Result, columns_told_by
from devstack.clickhouse.session_settings import SessionSettings
from devstack.clickhouse.statement import Command, Rows, Statement, parse
from devstack.clickhouse.watcher import Interruption, Watch


@dataclass(frozen=True, slots=True)
class Answering:
    """Everything a query needs of its connection; `folder` takes the rows of an INSERT until they are complete."""

    session: EngineSession
    settings: SessionSettings
    folder: Path
    send: Callable[[bytes], None]

    def answer(self, query: Query, incoming: Incoming, watch: Watch) -> None:
        """Raises ServerError for what the client is to be told, ClientGone if there is none any more."""
        tables = incoming.external_tables()
        try:
            self._answer(parse(query.sql), query, incoming, watch, tables)
        except ServerError:
            if watch.look() is Interruption.GONE:
                raise ClientGone("during its query") from None
            if watch.interruption is not Interruption.CANCELLED:
                raise
        except InsertCancelled:
            pass
        self.send(END_OF_STREAM)

    def _answer(
        self, statement: Statement, query: Query, incoming: Incoming, watch: Watch, tables: Sequence[ExternalTable]
    ) -> None:
        if isinstance(statement, Command) and statement.sets:
            self.settings.run_set(statement.sql)
            return
        self.settings.apply(query.settings)
        try:
            with temporary_tables(self.session, tables, folder=self.folder):
                self._carry_out(statement, incoming, watch)
        finally:
            self.settings.finish()

    def _carry_out(self, statement: Statement, incoming: Incoming, watch: Watch) -> None:
        match statement:
            case Rows():
                self._stream(statement, incoming, watch)
            case Insert():
                self._insert(statement, incoming)
            case Command():
                self._run(statement, incoming)

    def _stream(self, statement: Rows, incoming: Incoming, watch: Watch) -> None:
        result = Result(self.send, method=incoming.method)
        columns, bodies = self._begun_stream(statement)
        result.begin(columns)
        send_block = result.blocks_of(columns)
        with closing(bodies):
            for body in bodies:
                if watch.look() is not Interruption.NONE:
                    break
                send_block(body)
        if watch.interruption is Interruption.GONE:
            raise ClientGone("during its query")

    def _begun_stream(self, statement: Rows) -> tuple[Sequence[Column], Generator[bytes]]:
        bodies = self.session.stream(statement.sql)
        first = next(bodies, None)
        told = columns_told_by(first) if first is not None else None
        if first is not None and told is not None:
            return told, _chained(first, bodies)
        # A session has one query at a time: describing this one ends it, so it is begun again.
        bodies.close()
        described = self._described(f"(\n{statement.sql}\n)")
        return described, self.session.stream(statement.sql) if first is not None else _nothing()

    def _run(self, statement: Command, incoming: Incoming) -> None:
        result = Result(self.send, method=incoming.method)
        answer = self.session.run(statement.sql)
        for block in split_blocks(answer):
            result.block(block.body)
        if statement.answers and not answer:
            result.begin(self.session.answer_columns(statement.sql))

    def _insert(self, statement: Insert, incoming: Incoming) -> None:
        with tempfile.TemporaryFile(dir=self.folder) as file:
            if statement.inline:
                file.write(statement.inline.encode("utf-8", "surrogateescape"))
                file.flush()
                self._store(statement, file, statement.data_format)
                return
            Result(self.send, method=incoming.method).begin(self._insert_columns(statement))
            if incoming.store(file):
                self._store(statement, file, "Native")

    def _store(self, statement: Insert, file: BinaryIO, data_format: str) -> None:
        self.session.insert(statement.head, file, settings=statement.settings, data_format=data_format)

    def _insert_columns(self, statement: Insert) -> list[Column]:
        described = self.session.columns(statement.target)
        names = statement.column_names
        if statement.columns in {None, "*"}:
            return [column for column, default in described if default in {"", "DEFAULT"}]
        known = {column.name: column for column, _ in described}
        if names is not None and all(name in known for name in names):
            return [known[name] for name in names]
        # The engine's own words for columns: these are parts of the client's statement, which it may run anyway.
        return self._described(f"(SELECT {statement.columns} FROM {statement.target})")  # noqa: S608

    def _described(self, target: str) -> list[Column]:
        return [column for column, _ in self.session.columns(target)]


def _chained(first: bytes, rest: Generator[bytes]) -> Generator[bytes]:
    with closing(rest):
        yield first
        yield from rest


def _nothing() -> Generator[bytes]:
    yield from ()
