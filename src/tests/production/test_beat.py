"""Beat that is told to stop sends the message it is at, and waits for no broker."""

import signal
import socket
import threading
import time

import pytest

from tests.acceptance.conftest import Application, eventually, own_databases
from tests.acceptance.gate import Gate

pytestmark = pytest.mark.slow


class SlowAnswers(Gate):
    """Holds back what the server answers for as long as it should."""

    def __init__(self, *, port: int) -> None:
        self.lets_through, self.holds = threading.Event(), threading.Event()
        self.lets_through.set()
        super().__init__(host="127.0.0.1", port=port)

    def _pass(self, data: bytes, *, source: socket.socket, target: socket.socket) -> None:
        if source.getpeername() == self._server and not self.lets_through.is_set():
            self.holds.set()
            self.lets_through.wait(20)
        super()._pass(data, source=source, target=target)


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_beat_sends_the_message_it_was_told_to_stop_in(tmp_path, with_signal):
    with own_databases(redis_db=12, OUTBOX_FLUSH_INTERVAL="0.1") as environment:
        application = Application(folder=tmp_path, environment=environment)
        valkey = SlowAnswers(port=application.broker.port)
        database = application.environment["REDIS_URL"].rpartition("/")[2]
        try:
            application.environment["REDIS_URL"] = f"redis://127.0.0.1:{valkey.port}/{database}"
            application.start("beat")
            eventually((tmp_path / "alive" / "beat").exists, within=60)
            valkey.lets_through.clear()
            assert valkey.holds.wait(20)
            beat = application.processes.pop("beat")
            beat.send_signal(with_signal)
            time.sleep(0.5)
            assert beat.poll() is None  # the message is half sent
            valkey.lets_through.set()
            assert beat.wait(timeout=20) == 0
            assert not [line for line in application.log("beat").splitlines() if "error" in line.lower()]
        finally:
            valkey.lets_through.set()
            application.close()
            valkey.close()


def test_beat_that_waits_for_its_broker_is_stopped_at_once(tmp_path):
    with own_databases(redis_db=12) as environment:
        application = Application(folder=tmp_path, environment=environment)
        try:
            application.broker.close()
            application.start("beat")
            eventually(lambda: "Connection error" in application.log("beat"), within=60)
            beat = application.processes.pop("beat")
            beat.send_signal(signal.SIGTERM)
            assert beat.wait(timeout=5) == 0
        finally:
            application.close()
