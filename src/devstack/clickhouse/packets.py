"""The packets of protocol revision 54453: their numbers, those a client sends, and the server's replies as bytes."""

from dataclasses import dataclass
from typing import Final

from devstack.clickhouse.compression import LZ4, ZSTD
from devstack.clickhouse.errors import ProtocolViolation, ServerError
from devstack.clickhouse.session_settings import Setting
from devstack.clickhouse.wire import INT32, ByteSource, text, varint

REVISION: Final = 54453
OLDEST_CLIENT: Final = 54429  # settings as text
WITH_INTERSERVER_SECRET: Final = 54441
WITH_OPENTELEMETRY: Final = 54442
WITH_DISTRIBUTED_DEPTH: Final = 54448
WITH_START_TIME: Final = 54449
WITH_PARALLEL_REPLICAS: Final = 54453
TCP_INTERFACE: Final = 1
HTTP_INTERFACE: Final = 2
HTTP_VERBS: Final = frozenset({b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI"})

CLIENT_HELLO, CLIENT_QUERY, CLIENT_DATA, CLIENT_CANCEL, CLIENT_PING, CLIENT_TABLES_STATUS = range(6)
SERVER_HELLO, SERVER_DATA, SERVER_EXCEPTION, _PROGRESS, SERVER_PONG, SERVER_END_OF_STREAM = range(6)
CLIENT_SCALAR: Final = 7
SERVER_TABLES_STATUS: Final = 9

PONG: Final = varint(SERVER_PONG)
END_OF_STREAM: Final = varint(SERVER_END_OF_STREAM)


@dataclass(frozen=True, slots=True)
class Hello:
    revision: int
    database: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Query:
    query_id: str
    settings: tuple[Setting, ...]
    compressed: bool
    sql: str

    @property
    def answer_method(self) -> int | None:
        """How the answer is compressed, if it is: a setting says so, as on a server, not the client's own method."""
        if not self.compressed:
            return None
        asked = {setting.value.upper() for setting in self.settings if setting.name == "network_compression_method"}
        return ZSTD if "ZSTD" in asked else LZ4


def read_hello(source: ByteSource) -> Hello:
    if source.varint() != CLIENT_HELLO:
        begins = bytes(source.data[:4])
        hint = ": this is the native protocol's port, HTTP has none here" if begins in HTTP_VERBS else ""
        raise ProtocolViolation(f"A connection begins with a Hello packet, not with {begins!r}{hint}")
    source.text()
    source.varint()
    source.varint()
    revision = min(source.varint(), REVISION)
    hello = Hello(revision, source.text(), source.text(), source.text())
    if revision < OLDEST_CLIENT:
        raise ProtocolViolation(f"Clients older than revision {OLDEST_CLIENT} are not served")
    return hello


def read_query(source: ByteSource, *, revision: int) -> Query:
    """A Query packet after its number."""
    query_id = source.text()
    _skip_client_info(source, revision=revision)
    settings = tuple(_read_settings(source))
    if revision >= WITH_INTERSERVER_SECRET:
        source.text()
    source.varint()  # the stage up to which a query is processed
    compressed = source.varint() != 0
    return Query(query_id, settings, compressed, source.text())


def _skip_client_info(source: ByteSource, *, revision: int) -> None:
    if source.uint8() == 0:
        return
    _skip_texts(source, 3)  # initial user, query id, address
    if revision >= WITH_START_TIME:
        source.uint64()
    interface = source.uint8()
    if interface == HTTP_INTERFACE:
        raise ProtocolViolation("Queries that came in by HTTP are not served")
    # Another engine passes on a query that came in by its own interface, of which there is nothing to tell.
    if interface == TCP_INTERFACE:
        _skip_texts(source, 3)  # user of the system, host, client
        _skip_varints(source, 3)  # the client's version
    _skip_texts(source, 1)  # quota key
    if revision >= WITH_DISTRIBUTED_DEPTH:
        _skip_varints(source, 1)
    if interface == TCP_INTERFACE:
        _skip_varints(source, 1)  # the client's patch version
    if revision >= WITH_OPENTELEMETRY:
        _skip_trace(source)
    if revision >= WITH_PARALLEL_REPLICAS:
        _skip_varints(source, 3)


def _skip_trace(source: ByteSource) -> None:
    if source.uint8():
        source.skip(16 + 8)
        source.text()
        source.uint8()


def _skip_texts(source: ByteSource, count: int) -> None:
    for _ in range(count):
        source.text()


def _skip_varints(source: ByteSource, count: int) -> None:
    for _ in range(count):
        source.varint()


def _read_settings(source: ByteSource) -> list[Setting]:
    settings = []
    while name := source.text():
        flags = source.varint()
        settings.append(Setting(name, source.text(), flags))
    return settings


def read_table_names(source: ByteSource) -> list[tuple[str, str]]:
    """A TablesStatusRequest after its number: the tables, with their databases, that a Distributed one asks about."""
    return [(source.text(), source.text()) for _ in range(source.varint())]


def tables_status_reply(names: list[tuple[str, str]]) -> bytes:
    """They are there, and are no replicas that could lag; a query will tell if one is not."""
    not_replicated = b"\x00"
    entries = (text(database) + text(table) + not_replicated for database, table in names)
    return varint(SERVER_TABLES_STATUS) + varint(len(names)) + b"".join(entries)


def hello_reply(*, version: tuple[int, ...], time_zone: str) -> bytes:
    major, minor, patch = version
    return b"".join(
        (
            *(varint(SERVER_HELLO), text("ClickHouse"), varint(major), varint(minor), varint(REVISION)),
            *(text(time_zone), text("devstack"), varint(patch)),
        )
    )


def exception_reply(error: ServerError) -> bytes:
    name = text("DB::Exception")
    no_stack_trace, no_nested = text(""), b"\x00"
    return varint(SERVER_EXCEPTION) + INT32.pack(error.code) + name + text(error.message) + no_stack_trace + no_nested


def data_reply(block: bytes) -> bytes:
    """A Data packet; `block` begins with its info and is compressed already if it is to be."""
    return varint(SERVER_DATA) + text("") + block
