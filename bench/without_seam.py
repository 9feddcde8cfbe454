"""The application as it would be had nobody thought of watching it: no access line, and a span is nothing."""

from contextlib import AbstractContextManager

from kit import span as spans


def _nothing(_name: str, /, **_attributes: object) -> AbstractContextManager[spans.Span]:
    return spans._unheard  # noqa: SLF001 -- what is measured is the lack of everything around it


spans.span = _nothing  # before anybody imports it

from core.asgi import limited  # noqa: E402
from core.lifespan import with_lifespan  # noqa: E402

application = with_lifespan(limited)
