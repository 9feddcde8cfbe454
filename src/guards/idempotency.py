"""Idempotency keys: a call that is tried again has the first call's answer, and is not carried out twice.

A view says `guards = (…, IDEMPOTENT)` and answers with `answer(use_case, present=…)`; its use case says `keep(result)`
inside the transaction that makes the change. So the answer is kept if and only if the change is committed, whatever
crashes. For views whose answers hold no secret. The header is that of draft-ietf-httpapi-idempotency-key-header.
"""

import asyncio
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseBase
from django.utils.crypto import salted_hmac
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from guards import answers
from guards.models import KeptAnswer
from kit.api import Guard, Handle, Refusals
from kit.errors import DomainError
from kit.use_case import UseCase

# A structured-fields string, or the same without its quotes. Short keys are the ones that two people come upon.
_KEY = re.compile(r'^(?:"([!#-\[\]-~]{16,255})"|([!#-\[\]-~]{16,255}))$')
_PATIENCE_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.1


class InvalidIdempotencyKey(DomainError):
    """Idempotency-Key must be a string of 16 to 255 characters of ASCII without blanks, such as a random UUID."""


class RequestInProgress(DomainError):
    """The first request with this Idempotency-Key is still being worked on: try again in {retry_after} seconds."""


class AnswerNotKept(DomainError):
    """The use case has made its change without `idempotency.keep(result)` in its transaction: add the call there."""


@dataclass(kw_only=True)
class _Work:
    """A claimed request while it is carried out."""

    digest: str
    claim: UUID
    present: Callable[[Any], Response] | None = None
    answer: Response | None = None


_work: ContextVar[_Work | None] = ContextVar("idempotent_work", default=None)


async def answer[Result](use_case: UseCase[Result], *, present: Callable[[Result], Response]) -> Response:
    """Execute the use case and present its result, which is what will be kept if the request has a key."""
    work = _work.get()
    if work is not None:
        work.present = present
    result = await use_case.aexecute()
    return work.answer if work is not None and work.answer is not None else present(result)


def keep(result: object) -> None:
    """Keep the answer to this result in the caller's transaction; nothing happens unless the request has a key."""
    work = _work.get()
    if work is None or work.present is None:
        return
    response = work.present(result)
    headers = {name: value for name, value in response.items() if name != "Content-Type"}  # not rendered yet, so wrong
    answers.keep(
        digest=work.digest, claim=work.claim, status=response.status_code, headers=headers,
        body=JSONRenderer().render(response.data).decode(),
    )  # fmt: skip
    work.answer = response


class Idempotent(Guard):
    """Carries out what comes with an Idempotency-Key once. Only success is kept: after an error, try again."""

    refusals: ClassVar[Refusals] = {
        InvalidIdempotencyKey: HTTPStatus.BAD_REQUEST,
        RequestInProgress: HTTPStatus.CONFLICT,
        answers.ClaimLost: HTTPStatus.CONFLICT,
        answers.KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    }

    parameters: ClassVar = (
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Makes it safe to send the request again: the same key has the same answer, marked "
            "`Idempotent-Replayed: true`, and nothing is done twice. A random UUID will do.",
            "schema": {"type": "string", "pattern": _KEY.pattern},
            "example": "5f0c2f6e-7a51-4a0e-9d53-0d6a4b1f6c1e",
        },
    )

    async def around(self, request: Request, handle: Handle) -> HttpResponseBase:
        sent = request.headers.get("Idempotency-Key")
        if sent is None:
            return await handle()
        key = _accepted(sent)
        digest = _digest(request, key)
        claimed = await _claim(digest=digest, fingerprint=_fingerprint(request, key))
        if isinstance(claimed, KeptAnswer):
            return _again(claimed)
        return await _carry_out(_Work(digest=digest, claim=claimed), handle)


IDEMPOTENT: Final = Idempotent()


async def _claim(*, digest: str, fingerprint: str) -> UUID | KeptAnswer:
    """The claim or the answer; whoever works on it is given a moment. Raises KeyReused, RequestInProgress."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (claimed := await sync_to_async(answers.claim)(digest=digest, fingerprint=fingerprint)) is None:
        if time.monotonic() > deadline:
            raise RequestInProgress(retry_after=1)
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    return claimed


async def _carry_out(work: _Work, handle: Handle) -> HttpResponseBase:
    """Let the handler work under the claim.

    When the client goes away this is cancelled, while the use case goes on in its thread: the claim is left to it.
    """
    before = _work.set(work)
    try:
        response = await handle()
    except Exception:
        await sync_to_async(answers.release)(digest=work.digest, claim=work.claim)
        raise
    finally:
        _work.reset(before)
    if work.answer is None:
        await sync_to_async(answers.release)(digest=work.digest, claim=work.claim)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            raise AnswerNotKept
    return response


def _again(kept: KeptAnswer) -> HttpResponse:
    headers = {**kept.headers, "Idempotent-Replayed": "true"}
    response = HttpResponse(kept.body, status=kept.status, headers=headers, content_type="application/json")
    if not kept.body:
        del response.headers["Content-Type"]
    return response


def _accepted(sent: str) -> str:
    found = _KEY.fullmatch(sent.strip())
    if found is None:
        raise InvalidIdempotencyKey
    return found[1] or found[2]


def _digest(request: Request, key: str) -> str:
    """What the key means: the same one of another caller, or for another operation, is another one.

    Those who are not logged in share their keys: an address may change between two attempts, and only who sends the
    same body is answered.
    """
    meaning = f"{request.user.pk or ''} {request.method} {request.path} {key}"
    return salted_hmac("guards.idempotency.key", meaning, algorithm="sha256").hexdigest()


def _fingerprint(request: Request, key: str) -> str:
    return salted_hmac(f"guards.idempotency.body {key}", request.body, algorithm="sha256").hexdigest()
