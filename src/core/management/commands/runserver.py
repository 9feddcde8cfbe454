"""`manage.py runserver`: Uvicorn instead of Django's WSGI server, with Django's reloading and static files."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, cast

import uvicorn
from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import Command as StaticFilesCommand
from django.utils import autoreload

from core import reloading

if TYPE_CHECKING:
    from django.core.handlers.asgi import ASGIHandler

_PATIENCE_SECONDS = 2


class Command(StaticFilesCommand):
    help = "Serve the ASGI application for development: it reloads on changes and serves static files."

    addr: str  # Django's command sets both from its argument
    port: str
    _server: uvicorn.Server | None = None

    def run(self, **options: Any) -> None:
        self._served = threading.Event()
        if not options["use_reloader"]:
            _exit_on_signals()
            self.inner_run(**options)
        elif reloading.is_inner():
            _exit_on_signals()
            self._serve_and_watch(options)
        else:
            sys.exit(reloading.supervise())

    def inner_run(self, *_: Any, **options: Any) -> None:
        """Serve until told to stop. Faults in the code are raised before there is a server; the reloader waits."""
        autoreload.raise_last_exception()
        if not options["skip_checks"]:
            self.check()
        self._server = uvicorn.Server(self._config(options))
        try:
            self._server.run()
        finally:
            self._served.set()
            if not self._server.started:
                _give_up()

    def get_handler(self, *_: Any, **options: Any) -> Any:
        from core.asgi import application  # noqa: PLC0415 -- it makes all of the application; the outer process has none
        from core.static_files import DevelopmentHandler  # noqa: PLC0415 -- likewise

        is_static = options["use_static_handler"] and (settings.DEBUG or options["insecure_serving"])
        return DevelopmentHandler(cast("ASGIHandler", application)) if is_static else application

    def _serve_and_watch(self, options: dict[str, Any]) -> None:
        """Serve in a thread and watch the files in this one; whatever ends the watching ends the serving in order."""
        try:
            autoreload.start_django(autoreload.get_reloader(), self.inner_run, **options)
        finally:
            if self._server is not None:
                self._server.should_exit = True
                self._served.wait(timeout=2 * _PATIENCE_SECONDS)

    def _config(self, options: dict[str, Any]) -> uvicorn.Config:
        return uvicorn.Config(
            self.get_handler(**options),
            host=self.addr,
            port=int(self.port),
            lifespan="on",
            ws="none",  # Django serves none: an upgrade is answered like any other request
            proxy_headers=False,  # TRUSTED_PROXIES says whom to believe
            log_config=None,  # LOG_LEVEL and LOG_FORMAT govern the server, too
            timeout_graceful_shutdown=_PATIENCE_SECONDS,
        )


def _exit_on_signals() -> None:
    for each in reloading.STOP_SIGNALS:
        signal.signal(each, _exit)


def _exit(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Stop in order. The terminal and the outer process may both say so: the first time is enough."""
    for each in reloading.STOP_SIGNALS:
        signal.signal(each, lambda *_: None)
    raise SystemExit(0)


def _give_up() -> NoReturn:
    """Exit from whichever thread this is, as Django's own command does: the server has logged why it cannot start."""
    sys.stdout.flush()
    os._exit(1)
