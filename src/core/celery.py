"""The Celery application: `celery -A core worker` and `celery -A core beat`."""

import os
import signal
import threading
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
# Worker and beat would load every view and the admin to check them, at each start. `check` and `migrate` have done it.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

from celery import Celery, beat
from celery.signals import (
    after_task_publish,
    beat_init,
    celeryd_init,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
)
from django.conf import settings
from django.db import close_old_connections

from core import heartbeat, observability, task
from core.observability import logs, metrics

app = Celery("die_hard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

__all__ = ["app", "task"]  # the latter for its signals


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Celery configures no logging of its own while this is connected; core.observability has done it."""


@celeryd_init.connect
def _say_it_in_the_log(**_: Any) -> None:
    """Celery prints what its signal handlers have to say past every logger."""
    if settings.LOG_FORMAT == "json":
        from celery.apps import worker  # noqa: PLC0415 -- only a worker needs it, psutil and all

        setattr(worker, "safe_say", logs.say)  # noqa: B010 -- Celery's types do not know it


@task_prerun.connect
def _drop_dead_connections(**_: Any) -> None:
    close_old_connections()


# Not before the fork: threads that export spans would stay behind in the parent.
@worker_process_init.connect
@beat_init.connect
def _start_observing(**_: Any) -> None:
    observability.start()


@worker_process_shutdown.connect
def _stop_observing(**_: Any) -> None:
    """Such a process ends without running what Python does at an exit."""
    observability.stop()


@worker_init.connect
def _keep_figures(**_: Any) -> None:
    metrics.plug_in()  # before the children are forked, so that they have it


@worker_ready.connect
def _answer_scrapes(**_: Any) -> None:
    metrics.listen()  # not before: a process with threads had better not fork


@task_postrun.connect
def _worker_lives(**_: Any) -> None:
    heartbeat.show("worker", folder=settings.HEARTBEAT_DIR)


@beat_init.connect
def _begin_to_watch_beat(**_: Any) -> None:
    # The web server sends no messages, but whoever will some day is not beat.
    after_task_publish.connect(_beat_lives)


@beat_init.connect
def _stop_between_two_messages(sender: beat.Service, **_: Any) -> None:
    """Beat's own handler closes schedule and connection under a message that is being sent, so it may end with 1."""

    def stop(*_: Any) -> None:
        # It logs, which no handler may do: the line that it interrupts might be half written.
        threading.Thread(target=sender.stop).start()
        if "producer" not in vars(sender.scheduler):
            raise SystemExit  # it waits for the broker, for up to an hour, and no message is on its way

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _beat_lives(**_: Any) -> None:
    heartbeat.show("beat", folder=settings.HEARTBEAT_DIR)
