"""A release goes out under load: every process is asked to stop and started again, and nobody notices."""

import json
import signal
import socket
import time
from uuid import uuid4

import psycopg
import pytest

from tests.acceptance.conftest import client_past_the_gate, eventually, own_databases
from tests.acceptance.fleet import Fleet, steady_registrations
from tests.chaos.installation import NO_MERGES
from tests.chaos.wire import Moment, Snag, Wire

# Uvicorn ends by the signal that it was sent, once it has finished.
STOPPED = {"web": -signal.SIGTERM, "worker": 0, "beat": 0}


@pytest.fixture(scope="module")
def own():
    with own_databases(redis_db=12) as environment:
        yield environment


@pytest.fixture(scope="module")
def wire(own):
    """Between the workers and ClickHouse, so that a signal can meet them in the middle of a batch."""
    between = Wire(port=int(own["CLICKHOUSE_PORT"]))
    yield between
    between.close()


@pytest.fixture(scope="module")
def fleet(own, wire, tmp_path_factory):
    environment = {**own, "CLICKHOUSE_PORT": str(wire.port)}
    running = Fleet(folder=tmp_path_factory.mktemp("fleet"), environment=environment)
    try:
        running.manage("install")
        running.start("web-1", "web-2", "worker-1", "worker-2", "beat")
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def event_log(own, fleet):
    client = client_past_the_gate(own)
    # A merge would fold a repeated row before anybody has counted it.
    client.execute(NO_MERGES)
    yield client
    client.disconnect()


@pytest.fixture
def outbox(own):
    with psycopg.connect(own["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def lost_and_repeated(outbox, event_log) -> tuple[set, list]:
    """Counted from outside, with none of the application's code."""
    recorded = {event_id for (event_id,) in outbox.execute("SELECT event_id FROM outbox_event")}
    copies = dict(event_log.execute("SELECT event_id, count() FROM event_log GROUP BY event_id"))
    return recorded ^ set(copies), [event_id for event_id, number in copies.items() if number > 1]


def test_a_rolling_restart_fails_no_request_and_loses_and_repeats_nothing(fleet, event_log, outbox):
    with steady_registrations(fleet.port) as load:
        eventually(lambda: len(load.registered) >= 8)
        codes = {name: fleet.restart(name) for name in ("web-1", "worker-1", "web-2", "worker-2", "beat")}
        before = len(load.registered)
        eventually(lambda: len(load.registered) >= before + 8)

    assert load.failures == []
    assert codes == {name: STOPPED[name.partition("-")[0]] for name in codes}
    registered = {
        email
        for (email,) in outbox.execute(
            "SELECT context::json ->> 'email' FROM outbox_event WHERE event_type = 'user_registered'"
        )
    }
    assert registered == set(load.registered)
    eventually(lambda: lost_and_repeated(outbox, event_log) == (set(), []))
    assert fleet.verify()["in_order"]


def test_a_request_that_is_half_sent_when_the_web_server_is_asked_to_stop_is_answered(fleet, outbox):
    name, email = "web-1", f"ada.{uuid4().hex}@example.com"
    body = json.dumps({"email": email, "password": "a long way down"}).encode()
    head = "POST /api/users/ HTTP/1.1", "Host: localhost", "Content-Type: application/json"
    request = "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body
    fleet.balancer.take_out(fleet.ports[name])
    process = fleet.processes.pop(name)
    with socket.create_connection(("127.0.0.1", fleet.ports[name]), timeout=20) as client:
        client.sendall(request[:-10])
        time.sleep(0.2)  # until the server has begun to read it
        process.send_signal(signal.SIGTERM)
        eventually(lambda: not _listens(fleet.ports[name]))
        client.sendall(request[-10:])
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 201 "), answer
    assert process.wait(timeout=20) == STOPPED["web"]
    fleet.start(name)
    fleet.balancer.put_in(fleet.ports[name])
    (recorded,) = outbox.execute(
        "SELECT count(*) FROM outbox_event WHERE event_type = 'user_registered' AND context::json ->> 'email' = %s",
        (email,),
    ).fetchone()
    assert recorded == 1


@pytest.mark.parametrize("cuts", [False, True], ids=["whose store answers", "whose store goes away"])
def test_a_worker_that_is_asked_to_stop_in_the_middle_of_a_batch(fleet, event_log, outbox, wire, cuts):
    """It finishes the batch, or gives its lease back: nobody has to wait until the lease runs out."""
    if "worker-2" in fleet.processes:
        fleet.stop("worker-2")
    if "worker-1" not in fleet.processes:
        fleet.start("worker-1")
    eventually(lambda: lost_and_repeated(outbox, event_log) == (set(), []))
    worker = fleet.processes.pop("worker-1")

    def ask_to_stop(_port: int) -> None:
        worker.send_signal(signal.SIGTERM)
        time.sleep(1)  # until its children know, too

    snag = Snag(Moment.DATA, share=0.5, cuts=cuts, deed=ask_to_stop)
    wire.arm(snag)
    assert fleet.register(f"ada.{uuid4().hex}@example.com").status_code == 201
    assert snag.struck.wait(20)
    assert worker.wait(timeout=40) == STOPPED["worker"]

    state, owner, attempts = outbox.execute(
        "SELECT state, owner, attempts FROM outbox_batch ORDER BY sealed_at DESC LIMIT 1"
    ).fetchone()
    assert (state, owner, attempts) == ("sealed" if cuts else "delivered", None, 1)
    fleet.manage("outbox", "deliver")
    assert lost_and_repeated(outbox, event_log) == (set(), [])


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
