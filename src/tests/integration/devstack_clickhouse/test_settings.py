"""Settings that come with a query, on every kind of statement, and what a session remembers."""

from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from tests.integration.devstack_clickhouse.conftest import RunningServer

SHOW = "SELECT getSetting('max_threads'), getSetting('log_comment')"


@pytest.fixture
def defaults(client: Client) -> Any:
    return client.execute(SHOW)


def test_a_querys_settings_hold_for_it_alone(client: Client, defaults: Any) -> None:
    own = {"max_threads": 7, "log_comment": "it's \\ `mine`"}
    assert client.execute(SHOW, settings=own) == [(7, "it's \\ `mine`")]
    assert client.execute(SHOW, settings=own) == [(7, "it's \\ `mine`")]
    assert client.execute(SHOW, settings={"max_threads": 6}) == [(6, "")]
    assert client.execute(SHOW) == defaults


def test_the_statements_own_clause_wins(client: Client, defaults: Any) -> None:
    assert client.execute(f"{SHOW} SETTINGS max_threads = 5", settings={"max_threads": 7, "log_comment": "x"}) == [
        (5, "x")
    ]
    assert client.execute(SHOW) == defaults


def test_a_set_lasts_as_long_as_the_connection(server: RunningServer, client: Client, defaults: Any) -> None:
    with server.client() as other:
        other.execute("SET max_threads = 5, log_comment = 'set'")
        assert other.execute(SHOW) == [(5, "set")]
        assert other.execute(SHOW, settings={"max_threads": 7}) == [(7, "set")]
        assert other.execute(SHOW) == [(5, "set")]
        other.execute("SET max_threads = 4", settings={"max_threads": 9})
        assert other.execute(SHOW) == [(4, "set")]
    assert client.execute(SHOW) == defaults


def test_settings_hold_for_tables_made_and_rows_stored(client: Client, table: str) -> None:
    create = f"CREATE TABLE {table} (n LowCardinality(Float32)) ENGINE = MergeTree ORDER BY n"
    with pytest.raises(ServerException) as suspicious:
        client.execute(create)
    assert suspicious.value.code == 455
    client.execute(create, settings={"allow_suspicious_low_cardinality_types": 1})
    with pytest.raises(ServerException) as too_many:
        client.execute(f"INSERT INTO {table} SELECT number FROM numbers(100)", settings={"max_rows_to_read": 10})
    assert too_many.value.code == 158
    client.execute(f"INSERT INTO {table} VALUES", [(0.5,)], settings={"insert_deduplication_token": "t"})
    assert client.execute(f"SELECT * FROM {table}") == [(0.5,)]


def test_an_unknown_setting_is_ignored_unless_it_is_important(server: RunningServer, client: Client) -> None:
    assert client.execute("SELECT 1", settings={"no_such_setting": 1}) == [(1,)]
    with server.client(settings_is_important=True) as strict:
        assert strict.execute("SELECT 1", settings={"max_threads": 1}) == [(1,)]
        with pytest.raises(ServerException) as error:
            strict.execute("SELECT 1", settings={"no_such_setting": 1})
        assert error.value.code == 115
        assert strict.execute("SELECT 1") == [(1,)]


def test_a_value_the_engine_refuses_is_an_error_and_changes_nothing(client: Client, defaults: Any) -> None:
    with pytest.raises(ServerException) as error:
        client.execute(SHOW, settings={"log_comment": "half", "max_threads": "many"})
    assert error.value.code == 27
    assert client.execute(SHOW) == defaults


def test_a_read_only_query_leaves_the_connection_as_it_was(server: RunningServer, client: Client, table: str) -> None:
    client.execute(f"CREATE TABLE {table} (n Int8) ENGINE = MergeTree ORDER BY n")
    with server.client(database="system") as other:
        other.execute("USE die_hard")
        with pytest.raises(ServerException) as error:
            other.execute(f"INSERT INTO {table} SELECT 1", settings={"readonly": 1})
        assert error.value.code == 164
        assert other.execute(SHOW, settings={"max_threads": 3}) == [(3, "")]
        other.execute(f"INSERT INTO {table} SELECT 1")
        assert other.execute(f"SELECT * FROM {table}") == [(1,)]


def test_a_limit_on_time_is_kept(client: Client) -> None:
    sql = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"
    with pytest.raises(ServerException) as error:
        client.execute(sql, settings={"max_execution_time": 0.2})
    assert error.value.code == 159
