"""Noticing that a client cancels or vanishes while the engine is busy with its query.

The thread that serves the client is inside the engine then, so another one looks at the sockets of such clients, twenty
times a second, without taking anything from them.
"""

import logging
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Final

from devstack.clickhouse.errors import ServerError
from devstack.clickhouse.packets import CLIENT_CANCEL

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS: Final = 0.05


class Interruption(Enum):
    NONE = "none"
    CANCELLED = "cancelled"
    GONE = "gone"


class Watch:
    """One client during one query; `thread` is the one that is inside the engine."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.thread = threading.get_native_id()
        self.interruption = Interruption.NONE

    def look(self) -> Interruption:
        """What the client did meanwhile; what it sent stays to be read."""
        try:
            sent = self.client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return self.interruption
        except OSError:
            sent = b""
        if not sent:
            self.interruption = Interruption.GONE
        elif sent[0] == CLIENT_CANCEL:
            self.interruption = Interruption.CANCELLED
        return self.interruption


class Watcher:
    """The thread that looks; `kill` is asked again at each look until the query is over."""

    def __init__(self, kill: Callable[[int], None]) -> None:
        self._kill = kill
        self._watches: set[Watch] = set()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    @contextmanager
    def watching(self, client: socket.socket) -> Iterator[Watch]:
        watch = Watch(client)
        with self._changed:
            self._watches.add(watch)
            if len(self._watches) == 1:
                self._changed.notify()
        try:
            yield watch
        finally:
            with self._changed:
                self._watches.discard(watch)

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._watches or self._stopping)
                if self._stopping:
                    return
            pause.wait(SECONDS_BETWEEN_LOOKS)
            self._look_at_all()

    def _look_at_all(self) -> None:
        with self._changed:
            watches = {watch.client.fileno(): watch for watch in self._watches}
        poll = select.poll()
        for descriptor in watches:
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(0):
            self._interrupt(watches[descriptor])

    def _interrupt(self, watch: Watch) -> None:
        if watch.look() is Interruption.NONE:
            return
        with self._changed:
            # Held while killing, so that the query killed is this one and not the thread's next.
            if watch in self._watches:
                try:
                    self._kill(watch.thread)
                except ServerError:
                    logger.exception("A query could not be killed")
