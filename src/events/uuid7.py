"""UUID version 7 (RFC 9562): sortable by time, and strictly increasing within a process. Python has it from 3.14 on."""

import os
import time
from threading import Lock
from uuid import UUID

_COUNTER_BITS = 42
_TAIL_BITS = 32

_lock = Lock()
_last_ms = -1
_counter = 0


def uuid7() -> UUID:
    """A new id: 48 bits of milliseconds, a 42-bit counter (RFC 9562 section 6.2, method 1), 32 random bits."""
    random = int.from_bytes(os.urandom(10))
    ms, counter = _tick(seed=random >> _TAIL_BITS)
    rand_a, rand_b_high = counter >> 30, counter & (1 << 30) - 1
    tail = random & (1 << _TAIL_BITS) - 1
    return UUID(int=ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b_high << _TAIL_BITS | tail)


def _tick(*, seed: int) -> tuple[int, int]:
    """The next time and counter. Within a millisecond, or while the clock runs backwards, the counter goes on."""
    global _last_ms, _counter  # noqa: PLW0603 -- the state is the process's, as the order of its ids is
    with _lock:
        ms = time.time_ns() // 1_000_000
        if ms > _last_ms:
            _last_ms = ms
            # The top bit starts at 0, so that there is room to count.
            _counter = seed & (1 << _COUNTER_BITS - 1) - 1
        else:
            _counter += 1
            if _counter >> _COUNTER_BITS:
                _last_ms, _counter = _last_ms + 1, 0
        return _last_ms, _counter
