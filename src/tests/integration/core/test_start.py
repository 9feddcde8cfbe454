"""What a process loads when it starts, and what it leaves until somebody asks for it."""

import os
import subprocess
import sys

import pytest

from core.settings.environment import SOURCE

LEFT = "{'rest_framework.views', 'redis', 'users.admin', 'asynch'} & {*sys.modules}"


def printed(program: str) -> str:
    """What a fresh process prints last."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}"],
        cwd=SOURCE, capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "DJANGO_SETTINGS_MODULE": "core.settings"},
    )  # fmt: skip
    return done.stdout.strip()


def told(program: str) -> str:
    """What one with Django set up prints, as a worker is."""
    return printed(f"import django; django.setup()\n{program}")


def test_a_worker_starts_without_what_answers_requests():
    assert told(f"print({LEFT})") == "set()"


@pytest.mark.parametrize(
    ("arguments", "loads_pages"), [(["outbox", "quarantine", "show"], False), (["check", "--tag", "admin"], True)]
)
def test_a_command_without_djangos_checks_starts_without_it_as_well(arguments, loads_pages):
    said = printed(f"""
import runpy
sys.argv = ["manage.py", *{arguments}]
try:
    runpy.run_path("manage.py", run_name="__main__")
except SystemExit as ended:
    print("ended with", ended.code)
print({LEFT})
""")
    assert ("users.admin" in said.splitlines()[-1]) is loads_pages
    assert loads_pages or said == "ended with 2\nset()"


def test_djangos_checks_look_at_the_admins_pages_nevertheless():
    looked = "from django.contrib import admin; from django.core.checks import run_checks"
    known = "print(admin.site.is_registered(__import__('users.models').models.User))"
    assert told(f"{looked}; {known}; print(run_checks(tags=['admin'])); {known}").split() == ["False", "[]", "True"]


def test_the_admin_is_there_as_soon_as_somebody_asks_for_a_page():
    assert (
        told("from django.urls import reverse; print(reverse('admin:users_user_changelist'))") == "/admin/users/user/"
    )


def test_the_admins_pages_are_looked_for_once_though_two_threads_want_them():
    """As runserver's reloader and its checks do: of two who look at the same time, each would find half of them."""
    look = "run_checks(tags=['admin'])", "get_resolver().urlconf_module"
    assert (
        told(f"""
from concurrent.futures import ThreadPoolExecutor
from django.core.checks import run_checks
from django.urls import get_resolver
with ThreadPoolExecutor(2) as threads:
    wanted = threads.submit(lambda: {look[0]}), threads.submit(lambda: {look[1]})
    print(wanted[0].result(), bool(wanted[1].result()))
""")
        == "[] True"
    )
