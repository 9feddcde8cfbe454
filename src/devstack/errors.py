"""The one error of the launcher: its message is what the developer reads, so it says what to do."""


class DevstackError(Exception):
    """The stack cannot do what was asked."""

    exit_code = 1
