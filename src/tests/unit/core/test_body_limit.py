"""Bodies over the limit are answered with 413, announced or not."""

import json

import pytest

from core.body_limit import with_body_limit

pytestmark = pytest.mark.asyncio
LIMIT = 10


async def serve(*chunks: bytes, headers=(), scope_type="http"):
    """Send these chunks to an echo behind the limit; what it read and what it sent."""
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    ]
    sent, read = [], []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    async def echo(_scope, receive, send):
        while (message := await receive())["type"] != "http.disconnect":
            read.append(message.get("body", b""))
            if not message.get("more_body"):
                await send({"type": "http.response.start", "status": 200, "headers": []})
                return

    scope = {"type": scope_type, "path": "/api/x/", "headers": list(headers)}
    await with_body_limit(echo, most_bytes=LIMIT)(scope, receive, send)
    return b"".join(read), sent


def assert_refused(sent):
    start, body = sent
    assert start["status"] == 413
    assert dict(start["headers"])[b"content-type"] == b"application/problem+json"
    assert dict(start["headers"])[b"x-content-type-options"] == b"nosniff"
    assert int(dict(start["headers"])[b"content-length"]) == len(body["body"])
    assert json.loads(body["body"])["detail"] == "The body is too large: 10 bytes are allowed."


async def test_a_body_up_to_the_limit_goes_through():
    read, (start,) = await serve(b"12345", b"67890", headers=[(b"content-length", b"10")])
    assert (read, start["status"]) == (b"1234567890", 200)


async def test_an_announced_body_over_the_limit_is_not_even_read():
    read, sent = await serve(b"x" * 11, headers=[(b"content-length", b"11")])
    assert read == b""
    assert_refused(sent)


async def test_a_body_of_unknown_length_is_read_up_to_the_limit():
    read, sent = await serve(b"12345", b"67890", b"1", b"more")
    assert read == b"1234567890"
    assert_refused(sent)


async def test_other_scopes_are_none_of_its_business():
    read, _ = await serve(b"x" * 20, scope_type="lifespan")
    assert read == b"x" * 20
