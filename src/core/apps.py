import sys

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Tags, register

from core import celery, commandline
from core.checks import letters_leave, nothing_is_served_in_clear
from core.observability import logs, sentry


class CoreConfig(AppConfig):
    name = "core"
    celery = celery.app  # imported with the project: whoever publishes a task does it through this application

    def ready(self) -> None:
        register(letters_leave, Tags.security, deploy=True)
        register(nothing_is_served_in_clear, Tags.security, deploy=True)
        logs.configure(
            level=settings.LOG_LEVEL,
            fmt=settings.LOG_FORMAT,
            levels=settings.LOG_LEVELS,
            stream="stderr" if commandline.answers_on_standard_output(sys.argv) else "stdout",
        )
        sentry.configure(
            dsn=settings.SENTRY_CONFIG_DSN,
            environment=settings.SENTRY_CONFIG_ENVIRONMENT,
            release=settings.RELEASE,
            sample_rate=settings.SENTRY_CONFIG_SAMPLE_RATE,
            traces_sample_rate=settings.SENTRY_CONFIG_TRACES_SAMPLE_RATE,
        )
