"""Compressed blocks in both directions."""

from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from devstack.clickhouse.blocks import BLOCK_INFO
from devstack.clickhouse.compression import LZ4, compress
from tests.integration.devstack_clickhouse.conftest import RunningServer

ROWS = [(number, "text " * (number % 50)) for number in range(20_000)]
METHODS = [True, "lz4", "lz4hc", "zstd"]


@pytest.fixture
def texts(client: Client, table: str) -> str:
    client.execute(f"CREATE TABLE {table} (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    return table


@pytest.mark.parametrize("method", METHODS)
def test_clickhouse_driver_writes_and_reads_compressed_blocks(server: RunningServer, texts: str, method: Any) -> None:
    with server.client(compression=method) as client:
        assert client.execute(f"INSERT INTO {texts} VALUES", ROWS, settings={"insert_block_size": 7000}) == len(ROWS)
        assert client.execute(f"SELECT * FROM {texts} ORDER BY n") == ROWS
        assert client.execute("SELECT 1 AS a WHERE 0", with_column_types=True) == ([], [("a", "UInt8")])
        with pytest.raises(ServerException):
            client.execute("SELECT * FROM nowhere")
        assert client.execute("SHOW TABLES LIKE 'none'") == []


@pytest.mark.asyncio
@pytest.mark.parametrize("method", METHODS)
async def test_asynch_writes_and_reads_compressed_blocks(server: RunningServer, texts: str, method: Any) -> None:
    columns = [list(column) for column in zip(*ROWS, strict=True)]
    async with server.asynch(compression=method) as connection:
        assert await connection.execute(f"INSERT INTO {texts} VALUES", columns, columnar=True) == len(ROWS)
        assert await connection.execute(f"SELECT * FROM {texts} ORDER BY n") == ROWS


@pytest.mark.parametrize("answer", ["LZ4", "ZSTD"])
def test_the_method_of_the_answer_is_a_setting(server: RunningServer, answer: str) -> None:
    with server.client(compression=True, settings={"network_compression_method": answer}) as client:
        assert client.execute("SELECT number, 'text' FROM numbers(3)") == [(n, "text") for n in range(3)]


def test_a_large_block_in_many_frames_is_one_block(server: RunningServer, client: Client, texts: str) -> None:
    rows = 200_000
    with server.client(compression=True) as writer:
        writer.execute(f"INSERT INTO {texts} VALUES", [list(range(rows)), ["y" * 50] * rows], columnar=True)
    sql = f"SELECT rows FROM system.parts WHERE database = 'die_hard' AND table = '{texts}'"
    assert client.execute(sql) == [(rows,)]


def test_a_corrupted_frame_is_refused_with_clickhouses_code(server: RunningServer, client: Client, texts: str) -> None:
    frame = bytearray(compress(BLOCK_INFO + b"\x00\x00", LZ4))
    frame[-1] ^= 1
    with server.client(compression="lz4") as writer:
        writer.execute("SELECT 1")
        writer.connection.send_query(f"INSERT INTO {texts} VALUES")
        writer.connection.send_external_tables(None)
        writer.receive_sample_block()
        writer.connection.fout.write(b"\x02\x00" + bytes(frame))
        writer.connection.fout.flush()
        with pytest.raises(ServerException) as error:
            writer.receive_end_of_query()
        assert error.value.code == 40
    assert client.execute(f"SELECT count() FROM {texts}") == [(0,)]
