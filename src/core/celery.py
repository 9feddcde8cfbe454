"""The Celery application: `celery -A core worker` and `celery -A core beat`."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

from celery import Celery
from celery.signals import setup_logging, task_prerun
from django.db import close_old_connections

app = Celery("die_hard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Celery configures no logging of its own while this is connected; core.observability has done it."""


@task_prerun.connect
def _drop_dead_connections(**_: Any) -> None:
    close_old_connections()
