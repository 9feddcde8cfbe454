import socket

import pytest

from devstack import ports
from devstack.ports import BadPort


@pytest.mark.parametrize("text", ["0", "65536", "-1", "80a", "8 0", "²", "1e3", "0x50"])
def test_a_malformed_port_is_named_with_its_variable(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALKEY_PORT", text)
    with pytest.raises(BadPort, match="VALKEY_PORT must be a port from 1 to 65535, not"):
        ports.configured({"VALKEY_PORT": 16379})


def test_the_environment_overrides_a_port_unless_it_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("VALKEY_PORT", "")
    assert ports.configured({"PORT": 8000, "VALKEY_PORT": 16379}) == {"PORT": 8123, "VALKEY_PORT": 16379}


def test_two_services_on_one_port_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "16379")
    with pytest.raises(BadPort, match="PORT and VALKEY_PORT are both 16379"):
        ports.configured({"PORT": 8000, "VALKEY_PORT": 16379})


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_named_with_its_variable(address: str) -> None:
    with socket.socket() as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BadPort, match=f"port {port} is taken: .*set CLICKHOUSE_PORT to another port"):
            ports.must_be_free({"CLICKHOUSE_PORT": port})
        assert ports.taken([port])
    ports.must_be_free({"CLICKHOUSE_PORT": port})


def test_free_ports_are_free_and_different() -> None:
    names = [f"PORT_{number}" for number in range(50)]
    found = ports.free(names)
    assert list(found) == names
    assert len(set(found.values())) == 50
    assert not ports.taken(found.values())
