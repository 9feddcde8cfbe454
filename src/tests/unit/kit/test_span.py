from contextlib import contextmanager

import pytest

from kit import span as spans
from kit.span import register_tracer, span


@pytest.fixture
def journal(monkeypatch):
    monkeypatch.setattr(spans, "_tracers", [])
    written: list[object] = []

    @contextmanager
    def tracer(name, attributes):
        written.append((name, attributes))
        try:
            yield
        except ValueError as error:
            written.append(error)
            raise
        written.append("end")

    register_tracer(tracer)
    return written


def test_a_tracer_sees_the_name_the_attributes_and_the_end(journal):
    with span("outbox.deliver", batch_id=7):
        assert journal == [("outbox.deliver", {"batch_id": 7})]
    assert journal[1:] == ["end"]


def test_a_tracer_sees_the_error_and_the_caller_too(journal):
    error = ValueError()
    with pytest.raises(ValueError) as caught, span("x"):  # noqa: PT011 -- it is this very one
        raise error
    assert caught.value is error
    assert journal[1:] == [error]


def test_without_tracers_the_block_just_runs(monkeypatch):
    monkeypatch.setattr(spans, "_tracers", [])
    with span("x"):
        pass


class Listener:
    def __init__(self, heard):
        self.heard = heard

    def set(self, attributes):
        self.heard.append(attributes)

    def link(self, traceparents):
        self.heard.append(traceparents)


def test_what_is_found_out_reaches_every_tracer_that_listens(monkeypatch):
    first: list[object] = []
    second: list[object] = []

    def tracer_to(heard):
        @contextmanager
        def tracer(name, attributes):
            yield heard if heard is None else Listener(heard)

        return tracer

    monkeypatch.setattr(spans, "_tracers", [tracer_to(first), tracer_to(None), tracer_to(second)])
    with span("x") as opened:
        opened.set(rows=3)
        opened.link(each for each in ("a", "b"))
    assert first == second == [{"rows": 3}, ["a", "b"]]


def test_nothing_is_drawn_from_the_links_while_nobody_listens(monkeypatch):
    monkeypatch.setattr(spans, "_tracers", [])
    with span("x") as opened:
        opened.link(str(1 / 0) for _ in range(1))


class Broken:
    """A tracer, of which one part does not work."""

    def __init__(self, part):
        self.part = part

    @contextmanager
    def open(self, name, attributes):
        self._reach("open")
        try:
            yield self
        finally:
            self._reach("close")

    def set(self, attributes):
        self._reach("set")

    def link(self, traceparents):
        self._reach("link")

    def _reach(self, part):
        if part == self.part:
            raise ArithmeticError(part)


@pytest.mark.parametrize("part", ["open", "set", "link", "close"])
def test_a_tracer_that_fails_harms_neither_the_block_nor_other_tracers_and_is_complained_of(
    journal, monkeypatch, caplog, part
):
    monkeypatch.setattr(spans, "_shield", spans._Shield())
    monkeypatch.setattr(spans, "_tracers", [Broken(part).open, *spans._tracers])
    for _ in range(2):
        with span("x") as opened:
            opened.set(rows=3)
            opened.link(["a"])
    assert journal == [("x", {}), "end", ("x", {}), "end"]
    assert caplog.text.count("tracer_failed") == 1


def test_a_tracer_that_fails_at_the_end_does_not_replace_the_blocks_own_error(monkeypatch):
    monkeypatch.setattr(spans, "_tracers", [Broken("close").open])
    error = ValueError()
    with pytest.raises(ValueError) as caught, span("x"):  # noqa: PT011 -- it is this very one
        raise error
    assert caught.value is error


def test_what_ends_the_process_ends_it_from_within_a_tracer_too(monkeypatch):
    @contextmanager
    def tracer(name, attributes):
        raise SystemExit
        yield

    monkeypatch.setattr(spans, "_tracers", [tracer])
    with pytest.raises(SystemExit), span("x"):
        pass
