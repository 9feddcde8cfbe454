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
