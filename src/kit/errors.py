"""The one base of every error this project raises on purpose."""

import inspect


class DomainError(Exception):
    """Something was refused on purpose.

    A subclass is a named decision. Its docstring is the message: it says what happened and what to do, and may hold
    `{placeholders}` that the keyword arguments fill. The arguments stay readable as attributes in `details`.
    """

    def __init__(self, **details: object) -> None:
        self.details = details
        super().__init__(inspect.cleandoc(self.__doc__ or type(self).__name__).format(**details))

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders (Celery, xdist) by pickle, which would call __init__ with the message.
        return _rebuild, (type(self), self.details)


def _rebuild(kind: type[DomainError], details: dict[str, object]) -> DomainError:
    return kind(**details)
