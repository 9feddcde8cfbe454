"""How passwords are hashed: in turns, by a few threads of low priority, for a bounded number of people who wait.

A hash fills a core for some 20 ms and takes 19 MiB. So a flood of logins must cost neither memory (turns) nor threads
and patience (places in the queue), nor keep others waiting for the processor (priority).
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import close_old_connections

from kit.errors import DomainError
from kit.measure import count, gauge, observe
from kit.text import composed

# A tenth of the processor when others want all of it: enough that logins do not starve beside another busy process.
_NICENESS = 10

_turns = threading.BoundedSemaphore(settings.HASHING_THREADS)
_places = threading.BoundedSemaphore(settings.HASHING_QUEUE)
_held = threading.local()
_counting = threading.Lock()
_waiting = 0


class HashingBusy(DomainError):
    """Too many people are logging in or registering just now: try again in {retry_after} seconds."""


@contextmanager
def turn() -> Iterator[None]:
    """Wait for this thread's turn to hash; it may be taken again inside. Raises HashingBusy when the queue is full.

    Take it before the first query of a use case that hashes later: whoever waits here holds no connection.
    """
    if getattr(_held, "turn", False):
        yield
        return
    _take_turn()
    _held.turn = True
    try:
        yield
    finally:
        _held.turn = False
        _turns.release()


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id with OWASP's least parameters: 19 MiB, two passes, one lane.

    Of the password in Unicode's form NFC, as RFC 8265 has it: keyboards differ in how they compose an ü.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with turn():
            return _threads().submit(super().encode, composed(password), salt).result()

    def verify(self, password: str, encoded: str) -> bool:
        with turn():
            return _threads().submit(super().verify, composed(password), encoded).result()


def _take_turn() -> None:
    if _turns.acquire(blocking=False):
        observe("hashing.wait_seconds", 0)
        return
    if not _places.acquire(blocking=False):
        count("hashing.refused")
        raise HashingBusy(retry_after=1)
    try:
        close_old_connections()  # gives it back where connections come from a pool
        started = time.perf_counter()
        _wait_with(1)
        try:
            _turns.acquire()
        finally:
            _wait_with(-1)
        observe("hashing.wait_seconds", time.perf_counter() - started)
    finally:
        _places.release()


def _wait_with(number: int) -> None:
    global _waiting  # noqa: PLW0603 -- of this process
    with _counting:
        _waiting += number
        gauge("hashing.waiting", _waiting)


@cache
def _threads() -> ThreadPoolExecutor:
    """The threads that hash; made when first used, and anew after a fork, which threads do not survive."""
    return ThreadPoolExecutor(settings.HASHING_THREADS, thread_name_prefix="hashing", initializer=_give_way)


os.register_at_fork(after_in_child=_threads.cache_clear)


def _give_way() -> None:
    """Let whoever answers requests have the processor first. On Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        own = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + _NICENESS)
