"""Celery over Redis or Valkey. Messages are nudges; the ledger's rows and beat are the truth."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from core.settings.environment import secret, url
from core.settings.outbox import OUTBOX_FLUSH_INTERVAL

REDIS_URL = url(
    "REDIS_URL",
    schemes=("redis", "rediss"),
    purpose="broker, e.g. redis://host:6379/0 (Valkey as well)",
    password=secret("REDIS_PASSWORD", default="", purpose="the broker's password, if REDIS_URL holds none"),
)
_database = urlsplit(REDIS_URL).path.strip("/")
if _database and not _database.isdecimal():
    raise ImproperlyConfigured("REDIS_URL must end with the number of a database, such as /0, or with none")

CELERY_BROKER_URL = REDIS_URL
# With rediss:// alone Celery would encrypt, and ask nobody who they are.
CELERY_BROKER_USE_SSL = (
    {"ssl_cert_reqs": "required", "ssl_check_hostname": True} if REDIS_URL.startswith("rediss:") else None
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# What a task prints is no log line: the console mail backend of development prints letters.
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# One connection a process, kept from task to task (without it Celery closes it around each).
CELERY_DB_REUSE_MAX = 1_000_000
# A broker that is silent must not hold up the caller: half a second at worst (by default .delay() waits 45 s).
CELERY_BROKER_CONNECTION_TIMEOUT = 0.5
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 0.5,
    "max_retries": 0,
    "retry_on_timeout": False,
    "visibility_timeout": 600,
}
# Beat looks this often, in seconds, whether it was asked to stop.
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SCHEDULE = {
    "outbox-tick": {
        "task": "outbox.tick",
        "schedule": OUTBOX_FLUSH_INTERVAL,
        # Ticks that nobody had time for must not pile up: the next one does their work. An expiry is a time of day, and
        # two hosts' clocks differ: one that is too near would have every tick discarded.
        "options": {"expires": max(60.0, 2 * OUTBOX_FLUSH_INTERVAL)},
    },
    "outbox-reconcile": {
        "task": "outbox.reconcile",
        "schedule": 300,
        "options": {"expires": 300},
    },
    "outbox-rotate": {
        "task": "outbox.rotate",
        "schedule": 3600,
        "options": {"expires": 3600},
    },
    "users-letters": {
        "task": "users.deliver_letters",
        "schedule": 10,
        "options": {"expires": 60},
    },
    "users-sessions": {
        "task": "users.sweep_sessions",
        "schedule": 3600,
        "options": {"expires": 3600},
    },
    "guards-prune": {
        "task": "guards.prune",
        "schedule": 3600,
        "options": {"expires": 3600},
    },
}
