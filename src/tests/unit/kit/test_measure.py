import pytest

from kit import measure
from kit.measure import count, gauge, observe, register_meter


class Notebook:
    def __init__(self):
        self.lines = []

    def count(self, name, amount, labels):
        self.lines.append(("count", name, amount, labels))

    def observe(self, name, value, labels):
        self.lines.append(("observe", name, value, labels))

    def gauge(self, name, value, labels):
        self.lines.append(("gauge", name, value, labels))


@pytest.fixture
def no_meters(monkeypatch):
    monkeypatch.setattr(measure, "_meters", [])


def test_a_meter_is_told_every_figure_with_its_labels(no_meters):
    meter = Notebook()
    register_meter(meter)
    count("mail.sent")
    count("mail.sent", 3, kind="letter")
    observe("mail.seconds", 0.5)
    gauge("mail.waiting", 7)
    assert meter.lines == [
        ("count", "mail.sent", 1, {}),
        ("count", "mail.sent", 3, {"kind": "letter"}),
        ("observe", "mail.seconds", 0.5, {}),
        ("gauge", "mail.waiting", 7, {}),
    ]


def test_a_label_may_be_called_name_or_value(no_meters):
    meter = Notebook()
    register_meter(meter)
    count("mail.sent", name="a", amount="b")
    observe("mail.seconds", 1, value="c")
    assert [labels for *_, labels in meter.lines] == [{"name": "a", "amount": "b"}, {"value": "c"}]


def test_without_a_meter_a_figure_is_nothing(no_meters):
    count("mail.sent")
    observe("mail.seconds", 0.5)
    gauge("mail.waiting", 7)
