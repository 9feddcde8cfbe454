"""What a person typed, in the one form that is kept and compared."""

import unicodedata


def trimmed(text: str) -> str:
    """The text without blanks around it, in Unicode's form NFC: what looks the same is the same."""
    return composed(text.strip())


def composed(text: str) -> str:
    """The text in Unicode's form NFC, whichever keyboard it comes from, blanks and all."""
    return unicodedata.normalize("NFC", text)
