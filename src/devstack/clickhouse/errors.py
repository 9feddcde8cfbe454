"""What can go wrong while a client is served: told to the client, fatal to its connection, or of no interest to it."""

NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
CANNOT_WRITE = 75
UNEXPECTED_PACKET = 101
UNKNOWN_SETTING = 115
QUERY_WAS_CANCELLED = 394
STD_EXCEPTION = 1001


class ServerError(Exception):
    """A failure with ClickHouse's own code: the client is told, and its connection stays usable."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ProtocolViolation(ServerError):
    """The bytes on the socket cannot be followed any further: the client is told, and its connection is closed."""

    def __init__(self, message: str, *, code: int = UNEXPECTED_PACKET) -> None:
        super().__init__(code, message)


class ClientGone(Exception):
    """The client closed its connection, or its network did."""


class CannotServe(Exception):
    """The server cannot start: the message says why and what to do."""
