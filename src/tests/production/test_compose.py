"""compose.yml: Compose takes it, and every service is as hardened as it can be."""

import os
import re
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest
import yaml

from core.settings.environment import declared
from core.strangers import HEADERS
from events.stores.clickhouse import ClickHouseEventStore
from outbox.tasks import _TICK_SECONDS
from tests.production.paths import COMPOSE, OURS, ROOT, SERVICES

PROGRAM = Path(sys.executable).with_name("docker-compose")
EVERYTHING = ("--profile", "proxy", "--profile", "monitoring")
# They have no shell or no end to be watched; each says so in compose.yml.
NOT_WATCHED = {"migrate", "collector"}
# What says where things are within a container, and who it is.
THE_CONTAINERS_OWN = {
    "CLICKHOUSE_DATABASE", "CLICKHOUSE_USER", "HEARTBEAT_DIR", "METRICS_HOST", "METRICS_PORT",
    "PROMETHEUS_MULTIPROC_DIR",
}  # fmt: skip
SECRETS_BY_SERVER = {
    "postgres": {"postgres_password", "postgres_owner_password", "postgres_app_password", "postgres_reader_password"},
    "valkey": {"valkey_password"},
    "clickhouse": {"clickhouse_owner_password", "clickhouse_app_password", "clickhouse_analyst_password"},
}


def compose(*arguments: str, within: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Compose without Docker: it reads and checks the file."""
    return subprocess.run(
        [PROGRAM, "-f", "compose.yml", *arguments], cwd=within, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
    )  # fmt: skip


@pytest.mark.parametrize("profiles", [(), EVERYTHING], ids=["default", "all profiles"])
def test_compose_takes_it_with_nothing_set(profiles):
    checked = compose(*profiles, "config", "--quiet")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_compose_would_say_what_is_wrong(tmp_path):
    wrong = tmp_path / "compose.yml"
    wrong.write_text((ROOT / "compose.yml").read_text().replace("cap_drop:", "cap_dropp:", 1))
    checked = subprocess.run(
        [PROGRAM, "-f", wrong, "config", "--quiet"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert checked.returncode != 0
    assert "cap_dropp" in checked.stderr


def test_what_may_be_set_arrives():
    shown = compose("config", WEB_CONCURRENCY="7", WORKER_REPLICAS="5", HTTPS_ONLY="true", SECRETS_DIR="/elsewhere")
    found = yaml.safe_load(shown.stdout)
    assert found["services"]["web"]["environment"]["WEB_CONCURRENCY"] == "7"
    assert found["services"]["worker"]["deploy"]["replicas"] == 5
    assert {found["services"][name]["environment"]["HTTPS_ONLY"] for name in OURS} == {"true"}
    assert found["secrets"]["secret_key"]["file"] == "/elsewhere/secret_key"


def test_every_setting_of_the_application_arrives_from_the_file_beside_it_unless_it_is_the_containers_own(tmp_path):
    (tmp_path / "compose.yml").write_text((ROOT / "compose.yml").read_text())
    (tmp_path / ".env").write_text("".join(f"{name}=of-the-file\n" for name in declared))
    found = yaml.safe_load(compose("--project-directory", str(tmp_path), "config", within=tmp_path).stdout)["services"]
    for name in ("web", "worker", "beat"):
        arrived = {key for key, value in found[name]["environment"].items() if value == "of-the-file"}
        pool = set() if name == "web" else {"DATABASE_POOL_SIZE"}
        assert declared.keys() - arrived == THE_CONTAINERS_OWN | pool, name
    assert found["migrate"]["environment"]["DATABASE_URL"].startswith("postgres://app_owner@")
    assert {name for name, service in SERVICES.items() if "env_file" in service} == set(OURS)


@pytest.mark.parametrize("asked_for", ["", "20", "0"])
def test_the_web_server_alone_has_a_pool(asked_for):
    found = yaml.safe_load(compose("config", DATABASE_POOL_SIZE=asked_for).stdout)["services"]
    sizes = {name: found[name]["environment"]["DATABASE_POOL_SIZE"] for name in OURS}
    assert sizes == {"web": asked_for or "8", "worker": "0", "beat": "0", "migrate": "0"}


def test_a_setting_may_be_a_file_because_compose_does_not_set_it_as_well():
    for name in ("EMAIL_URL", "SENTRY_CONFIG_DSN"):
        assert SERVICES["web"]["environment"][name] is None
    shown = yaml.safe_load(compose("config", EMAIL_URL="smtp://mail").stdout)["services"]["web"]["environment"]
    assert shown["EMAIL_URL"] == "smtp://mail"
    assert shown["SENTRY_CONFIG_DSN"] is None


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_cannot_change_its_image_nor_gain_rights_nor_fill_the_disk(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert not service.keys() & {"privileged", "devices", "pid", "ipc", "network_mode"}
    assert "/var/run/docker.sock" not in str(service)
    assert set(service.get("cap_add", [])) <= ({"NET_BIND_SERVICE"} if name == "proxy" else set())


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"proxy"}))
def test_a_service_is_not_root(name):
    assert re.fullmatch(r"[1-9]\d*:\d+", SERVICES[name]["user"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits_a_time_to_stop_and_a_policy_for_its_end(name):
    service = SERVICES[name]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert name == "migrate" or re.fullmatch(r"\d+s", service["stop_grace_period"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_watched(name):
    check = SERVICES[name]["healthcheck"]
    if name in NOT_WATCHED:
        assert check == {"disable": True}
    else:
        assert check.keys() >= {"test", "interval", "timeout", "retries"}


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_version_and_no_digest(name):
    image = SERVICES[name]["image"]
    assert image == "die-hard:${TAG:-latest}" if name in OURS else re.fullmatch(r"[a-z/-]+:v?\d+(\.\d+)*", image)
    assert "@" not in image


def test_nothing_of_the_host_is_changed_by_a_container():
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert len(mounts) > 10
    for mount in mounts:
        source, _, options = mount.partition(":")
        assert options.endswith(":ro") if source.startswith(".") else source in COMPOSE["volumes"], mount
        assert not source.startswith(".") or (ROOT / source).exists(), mount


def test_ports_are_published_on_loopback_unless_somebody_says_otherwise():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 5
    assert [port for port in ports if not port.startswith(("127.0.0.1:", "${PROXY_BIND:-127.0.0.1}:"))] == []


def test_databases_are_published_nowhere_and_reach_nothing():
    assert COMPOSE["networks"]["data"] == {"internal": True}
    for name in SECRETS_BY_SERVER:
        assert "ports" not in SERVICES[name]
        assert SERVICES[name]["networks"] == ["data"]


def test_everything_waits_for_what_it_needs():
    after = {name: SERVICES[name]["depends_on"] for name in (*OURS, "proxy")}
    assert {name: needed["condition"] for name, needed in after["migrate"].items()} == {
        "postgres": "service_healthy", "clickhouse": "service_healthy"
    }  # fmt: skip
    for name in ("web", "worker", "beat"):
        assert after[name]["migrate"] == {"condition": "service_completed_successfully"}
        assert after[name]["postgres"] == after[name]["valkey"] == {"condition": "service_healthy"}
    assert after["proxy"] == {"web": {"condition": "service_healthy"}}


def test_one_image_serves_every_process_of_ours():
    assert len({SERVICES[name]["image"] for name in OURS}) == 1
    found = yaml.safe_load(compose("config", TAG="v7").stdout)["services"]
    assert {found[name]["image"] for name in OURS} == {"die-hard:v7"}
    assert found["migrate"]["build"]["args"] == {"REVISION": "v7"}


def test_one_service_builds_the_image_because_builds_of_one_tag_at_once_collide():
    builders = {name: service["build"]["dockerfile"] for name, service in SERVICES.items() if "build" in service}
    assert builders == {"migrate": "docker/Dockerfile"}


def test_no_password_is_written_down_and_there_is_no_default_for_one():
    text = (ROOT / "compose.yml").read_text()
    assert re.findall(r"\$\{\w*(?:PASSWORD|SECRET(?!S_DIR)|TOKEN|KEY)\w*[:-][^}]*\}", text) == []
    for name, service in SERVICES.items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET_KEY|TOKEN", variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert str(value).removeprefix("/run/secrets/") in service["secrets"], (name, variable)


def test_a_server_gets_its_own_secrets_and_the_application_no_owners():
    for server, secrets in SECRETS_BY_SERVER.items():
        assert set(SERVICES[server]["secrets"]) == secrets
    for name in ("web", "worker", "beat"):
        assert not [secret for secret in SERVICES[name]["secrets"] if "owner" in secret]
        assert "postgres_password" not in SERVICES[name]["secrets"]


def test_the_variables_of_our_processes_are_declared():
    for name in OURS:
        named = {variable.removesuffix("_FILE") for variable in SERVICES[name]["environment"]}
        assert named - declared.keys() <= {"WEB_CONCURRENCY"}


def test_the_grace_of_the_web_server_is_longer_than_that_of_its_requests():
    command = (ROOT / "docker" / "Dockerfile").read_text()
    requests = int(re.search(r'"--timeout-graceful-shutdown", "(\d+)"', command)[1])
    assert requests < int(SERVICES["web"]["stop_grace_period"].removesuffix("s"))


def test_the_grace_of_a_worker_is_longer_than_a_tick_and_an_attempt_at_a_silent_store():
    store = signature(ClickHouseEventStore).parameters
    silence = store["connect_timeout"].default + store["send_receive_timeout"].default
    assert _TICK_SECONDS + 2 * silence < int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))


def test_the_proxy_holds_requests_for_longer_than_the_web_server_takes_to_stop():
    caddyfile = (ROOT / "docker" / "caddy" / "Caddyfile").read_text()
    held = int(re.search(r"lb_try_duration (\d+)s", caddyfile)[1])
    assert held >= int(SERVICES["web"]["stop_grace_period"].removesuffix("s")) + 10


def test_the_proxy_takes_from_strangers_what_is_believed_behind_it():
    caddyfile = (ROOT / "docker" / "caddy" / "Caddyfile").read_text()
    taken = {name.lower().encode() for name in re.findall(r"header_up -(\S+)", caddyfile)}
    assert taken == HEADERS
    assert "header_up X-Request-ID {http.request.uuid}" in caddyfile


def test_secrets_are_made_up_once_each_for_whoever_needs_it_and_are_ones_own(tmp_path):
    def made():
        environment = {**os.environ, "SECRETS_DIR": str(tmp_path / "s")}
        done = subprocess.run(
            ["sh", ROOT / "bin" / "secrets"], env=environment, check=True, capture_output=True, text=True
        )
        said.append(set(re.findall(r"[a-z]+_[a-z_]+", done.stderr.partition(". ")[0].rpartition(":")[2])))
        return {path.name: path.read_text() for path in (tmp_path / "s").iterdir()}

    said: list[set[str]] = []

    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "valkey_password").write_text("one that was chosen")
    first = made()
    assert first.keys() == COMPOSE["secrets"].keys()
    assert first.pop("valkey_password") == "one that was chosen"
    assert all(re.fullmatch(r"[0-9a-f]{64}", secret) for secret in first.values())
    assert len(set(first.values())) == len(first)
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "s" / "secret_key").stat().st_mode & 0o777 == 0o444
    (tmp_path / "s" / "secret_key").unlink()
    again = made()
    assert again.pop("secret_key") != first.pop("secret_key")
    assert again == {**first, "valkey_password": "one that was chosen"}
    made()
    # A new password for an old volume is not made in silence.
    assert said == [COMPOSE["secrets"].keys() - {"valkey_password"}, {"secret_key"}, set()]


def test_secrets_are_committed_nowhere_and_sent_to_no_builder():
    assert {".secrets/", "/.env"} <= set((ROOT / ".gitignore").read_text().splitlines())
    assert (ROOT / ".dockerignore").read_text().splitlines()[0] == "*"
