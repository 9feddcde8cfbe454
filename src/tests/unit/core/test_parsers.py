from io import BytesIO

import pytest
from rest_framework.exceptions import ParseError

from core.parsers import JSONParser


def parse(body: bytes):
    return JSONParser().parse(BytesIO(body), "application/json; charset=zip", {"encoding": "zip"})


@pytest.mark.parametrize(
    ("body", "value"), [(b"{}", {}), (b'{"a": "\xc3\xa9"}', {"a": "é"}), (b" [1, 2.5, null] ", [1, 2.5, None])]
)
def test_json_in_utf_8_is_read_whatever_charset_is_claimed(body, value):
    assert parse(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b"\xff\xfe",
        b"NaN",
        b'{"a": Infinity}',
        b"[" * 200_000,
        b"9" * 5000,
        b'{"a": 1} {}',
        b"\0",
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'[{"b": {"a": 1, "a": 2}}]',
    ],
)
def test_anything_else_is_the_clients_fault(body):
    with pytest.raises(ParseError):
        parse(body)


@pytest.mark.parametrize("body", [b"9" * 5000, b'{"a": -' + b"1" * 5000 + b"}"])
def test_a_number_of_too_many_digits_is_answered_without_a_word_about_python(body):
    with pytest.raises(ParseError, match="a number has more than 4300 digits") as refused:
        parse(body)
    assert "sys." not in str(refused.value)


def test_what_is_not_utf_8_is_said_to_be_at_a_byte():
    with pytest.raises(ParseError, match=r"The body is not UTF-8: see byte 7\.$"):
        parse(b'{"a": "\xe9"}')
