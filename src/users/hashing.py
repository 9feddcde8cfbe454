"""How passwords are hashed, and how many at a time."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.hashers import Argon2PasswordHasher

# A hash fills a core for some 20 ms and takes 19 MiB: more at a time than there are cores only makes all of them late.
_turns = threading.BoundedSemaphore(os.cpu_count() or 1)
_held = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Wait for this thread's turn to hash; it may be taken again inside.

    Take it before the first query of a use case that hashes later: whoever waits here should hold no connection.
    """
    if getattr(_held, "turn", False):
        yield
        return
    with _turns:
        _held.turn = True
        try:
            yield
        finally:
            _held.turn = False


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id with OWASP's least parameters: 19 MiB, two passes, one lane."""

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with turn():
            return super().verify(password, encoded)
