import pytest

from devstack.children import how_it_ended


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0"),
        (127, "exited with code 127"),
        (137, "exited with code 137 (SIGKILL)"),  # as a shell has it
        (-9, "was ended by SIGKILL"),
        (-15, "was ended by SIGTERM"),
        (-50, "was ended by signal 50"),  # of those for real time
    ],
)
def test_a_signal_is_told_by_its_name(code: int, words: str) -> None:
    assert how_it_ended(code) == words
