"""What a person's name may be made of: everything that is read, in any script."""

import re
from typing import Final

from django.core.exceptions import ValidationError

# Control characters, separators of lines and paragraphs, and what turns the direction of all that follows: with these
# a name makes lines of its own in a log, or an address beside it read otherwise. Scripts that run from right to left
# need none of them. (NUL and halves of surrogate pairs no field takes.)
UNREADABLE: Final = r"\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
_UNREADABLE: Final = re.compile(f"[{UNREADABLE}]")


def demand_readable(name: str) -> None:
    """Raise ValidationError for a name with characters that nobody can read."""
    if _UNREADABLE.search(name):
        raise ValidationError(
            "A name has no line ends, no control characters and none that turn the direction of writing.",
            code="unreadable_characters",
        )
