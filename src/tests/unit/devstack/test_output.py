import io
import os
import sys

import pytest

from devstack.output import Output, wants_colour


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_lines_stand_behind_their_services_names() -> None:
    stream = io.StringIO()
    output = Output(stream, names=["web", "clickhouse"])
    output.line("web", "hello")
    output.line("clickhouse", "")
    output.line("devstack", "up")
    assert stream.getvalue() == "web        | hello\nclickhouse | \ndevstack   | up\n"


def test_each_service_has_its_colour_on_a_terminal(terminal: Terminal) -> None:
    output = Output(terminal, names=["web", "beat"], colour=wants_colour(terminal))
    output.line("web", "hello")
    output.line("beat", "hello")
    assert terminal.getvalue() == "\033[36mweb      |\033[0m hello\n\033[33mbeat     |\033[0m hello\n"


def test_no_colour_where_nobody_wants_it(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wants_colour(terminal)
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(terminal)


def test_a_reader_that_is_gone_is_reported_once_and_never_raises() -> None:
    read, write = os.pipe()
    os.close(read)
    lost: list[str] = []
    with os.fdopen(write, "w") as stream:
        output = Output(stream, names=["web"])
        output.when_lost = lambda: lost.append("lost")
        for _ in range(3):
            output.line("web", "hello")
    assert lost == ["lost"]
    assert not sys.stdout.closed
