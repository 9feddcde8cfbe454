"""The first words of a connection: who may come in, and what is done with those who do not speak the protocol."""

import struct

import pytest
from asynch.errors import ServerException as AsynchException
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.integration.devstack_clickhouse.conftest import PASSWORD, RunningServer

HELLO = b"\x00\x04test\x14\x0a\xb5\xa9\x03"  # name, version 20.10, revision 54453


def answer_to(server: RunningServer, sent: bytes) -> bytes:
    """Everything the server says until it closes the connection."""
    with server.socket() as raw:
        raw.sendall(sent)
        received = b""
        while part := raw.recv(1 << 16):
            received += part
        return received


def test_a_client_begins_in_the_database_it_names(server: RunningServer) -> None:
    with server.client(database="system") as client:
        assert client.execute("SELECT currentDatabase()") == [("system",)]


def test_a_client_that_names_no_database_begins_in_the_servers_own(server: RunningServer) -> None:
    with server.client(database="") as client:
        assert client.execute("SELECT currentDatabase()") == [("die_hard",)]


def test_the_server_says_the_engines_version_and_the_revision_of_asynch(client: Client) -> None:
    [(version,)] = client.execute("SELECT version()")
    info = client.connection.server_info
    assert info is not None
    assert version.startswith(".".join(str(part) for part in info.version_tuple()))
    assert info.revision == 54453


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"password": ""}, {"user": "somebody"}])
def test_a_wrong_password_or_user_is_refused_with_clickhouses_code(
    server: RunningServer, wrong: dict[str, str]
) -> None:
    with server.client(**wrong) as client, pytest.raises(ServerException) as refused:
        client.execute("SELECT 1")
    assert refused.value.code == 516
    assert "Authentication failed" in refused.value.message


def test_an_unknown_database_is_refused_with_clickhouses_code(server: RunningServer) -> None:
    with server.client(database="nowhere") as client, pytest.raises(ServerException) as refused:
        client.execute("SELECT 1")
    assert refused.value.code == 81
    assert "nowhere" in refused.value.message


@pytest.mark.asyncio
async def test_asynch_is_refused_in_the_same_words(server: RunningServer) -> None:
    with pytest.raises(AsynchException) as refused:
        async with server.asynch(password="wrong"):
            pass
    assert refused.value.code == 516


@pytest.mark.asyncio
async def test_a_ping_is_answered(server: RunningServer) -> None:
    async with server.asynch() as connection:
        assert await connection.ping()
        assert await connection.execute("SELECT 1") == [(1,)]
        assert await connection.ping()


def test_http_gets_a_hint_and_is_hung_up_on(server: RunningServer) -> None:
    answer = answer_to(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"HTTP" in answer
    assert "HTTP" in server.log()


@pytest.mark.parametrize("garbage", [b"\xff" * 100, b"\x00" * 9, b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\x01hello"])
def test_garbage_is_hung_up_on_and_the_server_lives(server: RunningServer, garbage: bytes) -> None:
    with server.socket() as raw:
        raw.sendall(garbage)
        raw.shutdown(1)
        while raw.recv(1 << 16):
            pass
    with server.client() as client:
        assert client.execute("SELECT 1") == [(1,)]


def test_a_name_that_claims_gigabytes_is_refused_before_it_is_read(server: RunningServer) -> None:
    four_gibibytes = b"\x80\x80\x80\x80\x10"
    answer = answer_to(server, b"\x00" + four_gibibytes)
    assert answer[:1] == b"\x02"
    assert b"refused" in answer


def test_a_block_that_claims_more_than_a_packet_may_hold_is_refused(server: RunningServer) -> None:
    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    query_begins = b"\x01" + text("") + b"\x00"  # no id, no client info
    query = query_begins + text("") + text("") + b"\x02\x00" + text("SELECT 1")
    rows = b"\x80\x80\x80\x80\x80\x80\x40"
    block = b"\x02" + text("") + b"\x00" + b"\x01" + rows + text("a") + text("UInt64")
    answer = answer_to(server, HELLO + text("") + text("default") + text(PASSWORD) + query + block)
    (code,) = struct.unpack("<i", answer[answer.index(b"\rDB::Exception") - 4 : answer.index(b"\rDB::Exception")])
    assert code == 101
