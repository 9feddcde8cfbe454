"""What every test has: the database as the use cases see it, also in asynchronous tests."""

import inspect
import os

import pytest
from asgiref.sync import async_to_sync
from hypothesis import settings as hypothesis_settings

pytest_plugins = ["tests.parallel"]

_environment = dict(os.environ)
hypothesis_settings.register_profile("long", max_examples=2000, deadline=None)


def pytest_collection_finish() -> None:
    """Stop if importing the tests has changed the environment, for the processes that they start inherit it."""
    # Django's settings, which pytest-django has loaded by now, and pytest itself.
    left = {name for name, value in os.environ.items() if _environment.get(name) != value}
    if strangers := {name for name in left if not name.startswith(("PYTEST_", "DJANGO_SETTINGS_MODULE", "TZ"))}:
        raise pytest.UsageError(f"a test module changes the environment when it is imported: {sorted(strangers)}")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests that are not marked `asyncio` so that the ORM stays in this thread.

    pytest-asyncio's loop would have it work in a thread, and so on a connection, of its own: outside the
    transaction that `django_db` rolls back, and its rows would leak into other tests.
    """
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or pyfuncitem.get_closest_marker("asyncio"):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    async_to_sync(pyfuncitem.obj)(**arguments)
    return True
