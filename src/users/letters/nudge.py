"""Tells the workers that letters wait, from a thread of its own.

No request waits for the broker or fails with it, and none tells by its time whether there was a letter. A nudge that is
lost does no harm: beat looks every few seconds. It names no request: what it has sent, many requests have written.
"""

import threading

import structlog
from celery import current_app

log = structlog.get_logger(__name__)

_wanted = threading.Event()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def nudge() -> None:
    """Ask for the letters to be sent soon; returns at once. Several at the same time become one."""
    _wanted.set()
    with _starting:
        _start()


def _start() -> None:
    """Start the thread where it does not run: at first, and after a fork."""
    global _thread  # noqa: PLW0603 -- one a process
    if _thread is None or not _thread.is_alive():
        _thread = threading.Thread(target=_serve, name="letters-nudge", daemon=True)
        _thread.start()


def _serve() -> None:
    while True:
        _wanted.wait()
        _wanted.clear()
        try:
            current_app.send_task("users.deliver_letters", expires=60)
        except Exception as error:  # noqa: BLE001 -- whatever the broker's client raises, beat finds the letters
            log.warning("nudge_failed", reason=str(error))
