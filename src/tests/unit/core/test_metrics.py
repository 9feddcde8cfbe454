"""The catalogue, the code that tells the figures, the meter, the exposition: they speak of the same metrics."""

import ast
import os
import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from core.observability.metrics import exposition, processes, server
from core.observability.metrics.catalogue import DIFFERENCES, FACTS, FIGURES, STORE_ERRORS, Count, Level, Spread
from core.observability.metrics.meter import PrometheusMeter
from core.settings.environment import SOURCE
from events import store
from outbox.figures import Figures

ROOMS = ("core", "users", "event_log", "guards", "outbox", "events", "kit")
BY_NAME = {figure.name: figure for figure in FIGURES}
KINDS = {"count": Count, "observe": Spread, "gauge": Level}


def told():
    """Every call of the seam in the source: where, which function, the name, the labels' names."""
    for room in ROOMS:
        for path in Path(SOURCE, room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in KINDS
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                    and isinstance(node.args[0].value, str)
                    and "." in node.args[0].value
                ):
                    labels = {keyword.arg for keyword in node.keywords}
                    yield f"{path.name}:{node.lineno}", node.func.id, node.args[0].value, labels


def some_figures():
    slot = {"slot": "outbox_event_slot_3", "rows": 7, "bytes": 8192, "dead_rows": 0, "today": True}
    return Figures(
        pending_events=5, pending_bytes=500, oldest_pending_age=1.5, unsealed_events=2, oldest_unsealed_age=0.5,
        sealed_batches=1, batches_leased=1, batches_in_doubt=0, quarantined_events=0, is_held=False, differences=0,
        slots=[slot],
    )  # fmt: skip


def test_what_the_code_tells_is_in_the_catalogue_with_its_kind_and_labels():
    calls = list(told())
    assert len(calls) > 20
    for where, function, name, labels in calls:
        assert name in BY_NAME, where
        assert isinstance(BY_NAME[name], KINDS[function]), where
        assert labels == set(BY_NAME[name].labels), where


def test_every_figure_of_the_catalogue_is_told_somewhere():
    source = "".join(
        path.read_text() for room in ROOMS for path in Path(SOURCE, room).rglob("*.py") if path.name != "catalogue.py"
    )
    assert [name for name in BY_NAME if f'"{name}"' not in source] == []


def test_names_follow_the_conventions():
    names = [metric.prometheus_name for metric in (*FIGURES, *FACTS)]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"die_hard(_[a-z]+)+", name)
        assert not re.search(r"(total|count|sum|bucket|milliseconds|ms|kb|mb)$", name.rpartition("_")[2])
    for figure in FIGURES:
        if isinstance(figure, Spread):
            assert figure.name.endswith(("_seconds", "_bytes", "_events"))
    for metric in (*FIGURES, *FACTS):
        assert metric.help.endswith("."), metric.name


def test_the_kinds_of_store_errors_are_the_ports():
    errors = (store.StoreUnavailable, store.StoreMisconfigured, store.StoreRefused)
    assert tuple(error.kind for error in errors) == STORE_ERRORS


def test_every_fact_of_the_catalogue_is_exposed_and_no_other():
    assert set(exposition._facts(some_figures())) == {fact.name for fact in FACTS}


def test_what_must_not_be_missed_begins_at_zero():
    text = generate_latest(PrometheusMeter().registry).decode()
    for kind in DIFFERENCES:
        assert f'die_hard_outbox_differences_total{{kind="{kind}"}} 0.0' in text
    for name in ("events_quarantined", "leases_expired", "reconciliations"):
        assert f"die_hard_outbox_{name}_total 0.0" in text


def test_a_figure_that_cannot_be_kept_is_complained_of_once_and_harms_nobody(caplog):
    meter = PrometheusMeter()
    meter.count("no.such_thing", 1, {})
    meter.observe("outbox.delivery_seconds", 1, {"no_such_label": "x"})
    meter.gauge("no.such_thing", 1, {})
    assert caplog.text.count("figure_not_kept") == 1


def test_figures_told_from_many_threads_are_all_kept():
    meter = PrometheusMeter()

    def tell():
        for _ in range(1000):
            meter.count("outbox.ticks", 1, {})

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "die_hard_outbox_ticks_total 8000.0" in generate_latest(meter.registry).decode()


def test_the_exposition_is_read_by_prometheus_own_parser():
    meter = PrometheusMeter()
    meter.count("outbox.events_recorded", 1, {"event_type": 'odd "name"\nwith \\ and 😀'})
    (family,) = [
        family
        for family in text_string_to_metric_families(generate_latest(meter.registry).decode())
        if family.name == "die_hard_outbox_events_recorded"
    ]
    assert family.samples[0].labels == {"event_type": 'odd "name"\nwith \\ and 😀'}


def test_scrapes_at_the_same_time_forget_the_dead_together(tmp_path):
    for pid in range(5_000_000, 5_000_300):  # beyond what Linux gives
        (tmp_path / f"gauge_livesum_{pid}.db").touch()
    with ThreadPoolExecutor(8) as scrapes:
        list(scrapes.map(exposition._forget_the_dead, [tmp_path] * 8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="nobody says here when a process began")
def test_a_process_that_has_the_number_of_a_dead_one_now_is_not_taken_for_it(tmp_path):
    ours, dead = processes.own(), f"{os.getpid()}-1"
    for name in (ours, dead, str(os.getpid())):  # the last as where nobody says when a process began
        (tmp_path / f"gauge_livesum_{name}.db").touch()
    exposition._forget_the_dead(tmp_path)
    assert {file.stem.rpartition("_")[2] for file in tmp_path.iterdir()} == {ours, str(os.getpid())}


def test_where_nobody_says_when_a_process_began_it_is_known_by_its_number(monkeypatch):
    processes._name.cache_clear()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(processes, "_start", lambda _: "")
        assert processes.own() == str(os.getpid())
        assert processes.is_alive(f"{os.getpid()}-123")
        assert not processes.is_alive("5000000-123")
    processes._name.cache_clear()


def test_each_process_keeps_its_figures_under_its_name_a_forked_one_too(tmp_path):
    code = """
import django, os
django.setup()
from core.observability import metrics
from core.observability.metrics import processes
from kit.measure import gauge
metrics.plug_in()
gauge("hashing.waiting", 1)
print(processes.own(), flush=True)
if os.fork() == 0:
    gauge("hashing.waiting", 2)
    print(processes.own(), flush=True)
    os._exit(0)
os.wait()
"""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "core.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SOURCE, capture_output=True, text=True, check=True, env=environment
    )
    kept = {file.stem.rpartition("_")[2] for file in tmp_path.glob("gauge_livesum_*.db")}
    assert kept == set(done.stdout.split())
    assert len(kept) == 2


@pytest.fixture
def own_port(settings):
    settings.METRICS_TOKEN = ""
    running = server.start(host="127.0.0.1", port=0)
    yield running
    running.shutdown()
    running.server_close()


def test_a_scrape_that_fails_is_answered_and_logged(own_port, monkeypatch, caplog):
    def broken(*, accept):
        raise ArithmeticError(accept)

    monkeypatch.setattr(server, "exposition", broken)
    assert httpx.get(f"http://127.0.0.1:{own_port.server_port}/metrics").status_code == 500
    assert "scrape_failed" in caplog.text


def test_a_scraper_that_vanishes_is_one_line_in_the_log_and_none_on_standard_error(
    own_port, monkeypatch, caplog, capfd
):
    asked = threading.Event()

    def large(*, accept):
        asked.wait(10)
        return b"x" * 50_000_000, "text/plain"

    monkeypatch.setattr(server, "exposition", large)
    with socket.create_connection(("127.0.0.1", own_port.server_port)) as scraper:
        scraper.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
    asked.set()
    deadline = time.monotonic() + 10
    while "scrape_broken_off" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "Traceback" not in capfd.readouterr().err


def test_a_start_without_metrics_does_not_import_the_client():
    code = "import kit.measure, core.observability.metrics, sys; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=SOURCE, check=False).returncode == 0
