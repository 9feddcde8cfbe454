"""Reads request bodies: JSON in UTF-8, and nothing a client sends is a fault of ours."""

import json
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

# Python's own bound on what it makes an int of: the time that takes grows with the square.
_MOST_DIGITS = 4300


class JSONParser(BaseParser):
    """REST framework's own decodes by the charset that the client names and fails on deep nesting."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,  # noqa: ARG002 -- the framework's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002 -- likewise: UTF-8, whatever the client says
    ) -> Any:
        try:
            text = stream.read().decode()
            return json.loads(
                text,
                parse_constant=_refuse_constant,
                parse_int=_bounded_int,
                object_pairs_hook=_without_repetition,
            )
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8: see byte {error.start}.") from None
        except ValueError as error:
            raise ParseError(f"The body is not JSON in UTF-8: {error}.") from None
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _bounded_int(digits: str) -> int:
    """Python itself refuses more, to whoever asks in words that are meant for its programmer."""
    if len(digits.lstrip("-")) > _MOST_DIGITS:
        raise ValueError(f"a number has more than {_MOST_DIGITS} digits")
    return int(digits)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two members of one name are two meanings: whoever looked at the body before us may have seen the other one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a member twice")
    return found
