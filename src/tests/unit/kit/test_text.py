"""What a person typed has one form, and finding it takes little time, whatever it was."""

import pytest

from kit.text import composed, trimmed


def test_what_looks_the_same_is_the_same():
    assert composed("e\u0301") == "\u00e9"
    assert trimmed("\n e\u0301\u3000") == "\u00e9"
    assert composed(" e\u0301") == " \u00e9"


@pytest.mark.parametrize("form", [composed, trimmed])
def test_a_heap_of_marks_is_left_as_it_is(form):
    """To sort a million of them would take minutes, in which the whole process stands still."""
    heap = "a" + "\u0301\u0327" * 1_000
    assert form(heap) == heap
    assert form(heap[:1_000]) != heap[:1_000]
