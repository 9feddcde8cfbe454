"""What docs/monitoring says is held against the catalogue: the alerts, their tests, the dashboard, the table."""

import json
import re

import pytest
import yaml
from prometheus_client import generate_latest

from core.observability.metrics import exposition
from core.observability.metrics.catalogue import FACTS, FIGURES, Count, Level, Spread
from core.observability.metrics.meter import PrometheusMeter
from core.settings.environment import SOURCE
from tests.promtool import needs_promtool, promtool
from tests.unit.core.test_metrics import some_figures

MONITORING = SOURCE.parent / "docs" / "monitoring"


def exposed_names():
    """The names of all series that a scrape can find."""
    meter = PrometheusMeter()
    for figure in FIGURES:
        labels = dict.fromkeys(figure.labels, "x")
        {Count: meter.count, Spread: meter.observe, Level: meter.gauge}[type(figure)](figure.name, 1, labels)
    text = generate_latest(meter.registry).decode()
    for name, values in exposition._facts(some_figures()).items():
        text += f"{exposition._family(name, values).name} 1\n"
    return set(re.findall(r"^(die_hard_\w+)", text, re.MULTILINE))


def rules():
    (group,) = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return group["rules"]


def dashboard():
    return json.loads((MONITORING / "dashboard.json").read_text())


def asked_by_dashboard():
    for panel in dashboard()["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))


def expressions():
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    yield from asked_by_dashboard()


def test_alerts_and_dashboard_ask_for_metrics_that_exist():
    exposed = exposed_names()
    for where, expression in expressions():
        assert re.search(r"die_hard_|up\{", expression), where
        for name in re.findall(r"die_hard_\w+", expression):
            assert name in exposed, f"{where}: {name}"


def test_every_metric_of_the_catalogue_is_on_the_dashboard():
    shown = set(re.findall(r"die_hard_\w+", " ".join(expression for _, expression in asked_by_dashboard())))
    suffixes = ("", "_total", "_bucket", "_sum", "_count")
    names = [metric.prometheus_name for metric in (*FIGURES, *FACTS)]
    assert [name for name in names if not shown & {name + suffix for suffix in suffixes}] == []


def test_every_alert_says_how_bad_it_is_what_it_means_and_where_the_first_action_stands():
    runbook = (MONITORING.parent / "operations.md").read_text()
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert {"summary", "description", "runbook_url"} <= set(rule["annotations"]), rule["alert"]
        assert rule["annotations"]["runbook_url"].endswith(f"docs/operations.md#{rule['alert'].lower()}")
        assert f"### {rule['alert']}\n" in runbook


def test_every_alert_is_tested():
    document = yaml.safe_load((MONITORING / "alerts_test.yml").read_text())
    cases = [case for test in document["tests"] for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case.get("exp_alerts")}
    is_silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fires == is_silent == {rule["alert"] for rule in rules()}


@needs_promtool
@pytest.mark.parametrize("command", [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]])
def test_promtool_finds_the_alerts_sound(command):
    checked = promtool(*command, folder=MONITORING)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
def test_promtool_can_read_what_the_dashboard_asks(tmp_path):
    asked = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, (_, expression) in enumerate(asked_by_dashboard())
    ]
    (tmp_path / "asked.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": asked}]}))
    checked = promtool("check", "rules", "asked.yml", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_dashboard_can_be_imported():
    board = dashboard()
    assert board["uid"] == "die-hard"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, f"{panel['title']} lies over another"
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"], panel["title"]
            assert panel["datasource"]["uid"] == "${datasource}"


def test_the_readme_lists_every_metric():
    rows = re.findall(
        r"^\| `(die_hard_\w+)`(?: \(([\w, ]+)\))? \| (.+?) \|$", (MONITORING / "README.md").read_text(), re.MULTILINE
    )
    assert {name: (labels, text) for name, labels, text in rows} == {
        metric.prometheus_name + ("_total" if isinstance(metric, Count) else ""): (
            ", ".join(metric.labels),
            metric.help,
        )
        for metric in (*FIGURES, *FACTS)
    }
