"""What Prometheus would see and think: a scrape's samples, and alert rules over them."""

import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.plain_http import PLAIN
from tests.promtool import promtool

ALERTS = Path(__file__).resolve().parents[3] / "docs" / "monitoring" / "alerts.yml"


class Scrape:
    """One answer of /metrics."""

    def __init__(self, text: str) -> None:
        self.samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name with these labels."""
        found = [each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items()]
        return sum(found)

    def has(self, name: str) -> bool:
        return any(sample.name == name for sample in self.samples)


def scrape(application, *, port: int | None = None) -> Scrape:
    address = f"http://127.0.0.1:{port or application.port}/metrics"
    token = application.environment["METRICS_TOKEN"]
    answer = PLAIN.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=15)
    assert answer.status_code == 200, answer.text
    return Scrape(answer.text)


def is_true(alert: str, found: Scrape) -> bool:
    """Whether the condition of a rule that compares one metric's maximum with a number holds for these samples."""
    (rule,) = (rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
               if rule["alert"] == alert)  # fmt: skip
    name, number = re.fullmatch(r"max\((\w+)\) > (\d+)", rule["expr"]).groups()
    return max(sample.value for sample in found.samples if sample.name == name) > float(number)


def fires(alert: str, found: Scrape, *, folder: Path) -> bool:
    """Whether promtool lets the alert fire when these samples go on for half an hour."""
    series = [
        {
            "series": f"{each.name}{{{', '.join(f'{k}="{v}"' for k, v in each.labels.items())}}}",
            "values": f"{each.value:f}x60",
        }
        for each in found.samples
        if re.fullmatch(r"die_hard_outbox_\w+", each.name) and not each.name.endswith(("_bucket", "_sum"))
    ]
    # A case that expects silence fails if the alert fires, whatever its labels.
    test = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "30s",
                "input_series": series,
                "alert_rule_test": [{"alertname": alert, "eval_time": "20m"}],
            }
        ],
    }
    (folder / "silence.yml").write_text(yaml.safe_dump(test))
    ran = promtool("test", "rules", "silence.yml", folder=folder)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0 or f'alertname="{alert}"' in said, said
    return ran.returncode != 0
