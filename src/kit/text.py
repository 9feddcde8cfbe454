"""What a person typed, in the one form that is kept and compared."""

import unicodedata

# The longest field takes 254 letters, and one letter may come in four pieces. To sort a heap of combining marks takes
# time by the square of their number, and nothing else in the process runs meanwhile: a body full of them would stop it
# for minutes.
_MOST_COMPOSED = 1_024


def trimmed(text: str) -> str:
    """The text without blanks around it, in Unicode's form NFC: what looks the same is the same."""
    return composed(text.strip())


def composed(text: str) -> str:
    """The text in Unicode's form NFC, whichever keyboard it comes from, blanks and all; too long a one as it is."""
    return unicodedata.normalize("NFC", text) if len(text) <= _MOST_COMPOSED else text
