"""Canaries under every name and in every guise, and what looks alike and must stay readable."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.observability.redaction import looks_harmless, redacted, redacted_text, without_addresses

CANARY = "canary7c1f0123456789"
SESSION = "5d41402abc4b2a76b9719d911017c592"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ{CANARY}.{CANARY}-_x"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\nMIIE{CANARY}\n+/{CANARY}==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "name",
    [
        "password", "new_password", "password2", "passwords", "userPassword", "PASSWD", "passphrase", "pwd", "token",
        "access_token", "refreshToken", "csrfmiddlewaretoken", "Authorization", "HTTP_AUTHORIZATION", "Cookie",
        "Set-Cookie", "api_key", "X-Api-Key", "secret", "SECRET_KEY", "client_secret", "sessionid", "session_key",
        "SENTRY_CONFIG_DSN", "credentials", "private_key",
        "password_hash", "passwordHash", "hashed_password", "token_digest", "api_key_hash", "password_confirmation",
        "token_value", "passwd_salt", "jwt", "id_token_jwt", "signing_key", "AWS_SECRET_ACCESS_KEY", "ssh_key",
        "passcode", "otp", "totp", "userOtp", "one_time_code", "oneTimeCode", "one-time-code", "otp_value",
    ],
)  # fmt: skip
def test_nothing_is_shown_under_the_name_of_a_secret(name):
    for value in (CANARY, [CANARY], {"harmless": CANARY}, CANARY.encode()):
        assert CANARY not in json.dumps(redacted({"deep": [{"er": {name: value}}]}))


@pytest.mark.parametrize(
    "text",
    [
        f"redis://:{CANARY}@host:6379/0", f"postgres://app:{CANARY}@db/app?x=1", f"amqp://{CANARY}@host",
        f"redis://:p@{CANARY}@host", f"Authorization: Bearer {CANARY}", f"bearer {CANARY}", f"Basic {CANARY}",
        f"Token {CANARY}", f"password={CANARY}&next=/", f"?token={CANARY}", f'{{"password": "a {CANARY} b"}}',
        f"{{'password': 'a {CANARY} b'}}", f'"secret": "with \\" {CANARY}"', f"Cookie: sessionid={CANARY}",
        f"api_key={CANARY}", f"(1, argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${CANARY}, null)",
        f"pbkdf2_sha256$600000$salt${CANARY}", f"https://{CANARY}@sentry.example/1",
        f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${CANARY}", f"password_hash={CANARY}", f"'tokenDigest': '{CANARY}'",
        JWT, f"got {JWT}, expired", f"x_{JWT}", f"({JWT})", f"eyJhbGciOiJub25lIn0.{CANARY}.",
        f"eyJhbGciOiJkaXIiLCJlbmMi..{CANARY}.{CANARY}.{CANARY}", f"eyJhbGciOiJIUzI1NiJ9.{CANARY}",
        PEM, f"key:\n{PEM}\nand on", PEM.replace("RSA ", ""), PEM.replace("RSA ", "ENCRYPTED "), repr(PEM.encode()),
        json.dumps({"text": PEM}), PEM[:-40], PEM.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
        f"<QueryDict: {{'password': ['{CANARY} x'], 'next': ['/']}}>", f"password=b'{CANARY}'", f'token: b"{CANARY}"',
        json.dumps({"body": json.dumps({"password": f"a {CANARY}"})}), f"Key (session_key)=({CANARY}) already exists.",
        json.dumps({"body": json.dumps({"password": f'a"b {CANARY}'})}),
        json.dumps(json.dumps(json.dumps({"token": CANARY}))), "Authorization: Token " + CANARY[:10] + CANARY,
        f'Authorization: Digest username="x", response="{CANARY}"', f"authorization=Custom a {CANARY}",
        f"Key (user_id, token)=(1, {CANARY}) already exists.", f"Key (token_digest, kind)=(a {CANARY} (b), c) is gone",
        f"KEY (lower(api_key::text), x)=({CANARY}, 1)", f"Key (a, session_key)=(1, {CANARY}",
        f"session_id={CANARY}", f"session_id={SESSION}{CANARY}", f"sessionid={CANARY}", f"tokens: 512{CANARY}",
        f"Key (user_id, token)=(1, ab){CANARY}", f"Key (user_id, token)=(1, ab) {CANARY}",
        f"Key (token)=(a) conflicts with existing key (token)=({CANARY}).", f"passcode={CANARY}", f"otp: {CANARY}",
        f"Your one-time code: {CANARY}", f"one time code={CANARY}", f'{{"oneTimeCode": "{CANARY}"}}',
    ],
)  # fmt: skip
def test_what_looks_like_a_secret_is_masked_within_a_text(text):
    assert CANARY not in redacted_text(text)
    assert CANARY not in redacted(("nested", {"x": text}))[1]["x"]


@pytest.mark.parametrize(
    "text",
    [
        "batch_delivered", "see https://example.com/a@b", "user@example.com", "the session: closed", "basic rules",
        "http://127.0.0.1:8000/", "monkeys", "tokenizer", 'relation "users_user" does not exist', "",
        "monkeyJumpsOver.the.fence", "eyJ", "eyJ.a.b", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "token_type: no secret", "keyboard", "a hash: 0f3a", f"session_id={SESSION}", f'"old_session_id": "{SESSION}"',
        f"session_ids=['{SESSION}', '{SESSION}']", f"Key (session_id)=({SESSION}) already exists.",
        f"Key (user_id, email)=(7, x) already exists: {SESSION}",
        "Key (user_id, email)=(7, x)y already exists", "a laptop: mine", "one time: now", "signature=0f3a",
        f"SETTINGS insert_deduplication_token = '{UUID(int=7)}'", f"insert_deduplication_token={UUID(int=7)}",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays_as_it_is(text):
    assert redacted_text(text) == text


@pytest.mark.parametrize(
    "text",
    ["Key (email)=(ada@example.com) already exists.", "<ada@example.com>", "?q=ada@example.com&x=1", "ada@example"],
)
def test_addresses_are_masked_where_they_must_not_be(text):
    shown = without_addresses({"deep": [{"er": text}]})["deep"][0]["er"]
    assert "ada" not in shown
    assert "example" not in shown


def test_other_values_become_plain_data():
    shown = redacted({
        UUID(int=7): UUID(int=8), ("a", 1): {1.5, None}, "at": datetime(2026, 1, 2, tzinfo=UTC), "raw": b"x",
    })  # fmt: skip
    json.dumps(shown)
    assert shown[str(UUID(int=7))] == str(UUID(int=8))
    assert shown["at"] == "2026-01-02 00:00:00+00:00"


def test_a_thing_that_cannot_show_itself_and_one_that_holds_itself_are_no_trouble():
    class Shy:
        def __repr__(self):
            raise RuntimeError

    endless: dict[str, object] = {"shy": Shy()}
    endless["self"] = endless
    assert redacted(endless)["shy"] == "<Shy>"


@given(st.text(), st.text())
def test_a_password_in_a_url_never_shows(before, after):
    assert CANARY not in redacted_text(f"{before} redis://:{CANARY}@host {after}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("session_id", SESSION), ("new_session_id", SESSION), ("session_ids", [SESSION, SESSION]), ("tokens", 512),
        ("max_tokens", 4096), ("insert_deduplication_token", str(UUID(int=7))),
    ],
)  # fmt: skip
def test_what_only_has_the_name_of_a_secret_is_shown(key, value):
    assert redacted({key: value}) == {key: value}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("session_id", 2 * SESSION), ("sessionid", SESSION), ("token", SESSION), ("token", 512), ("tokens", [512]),
        ("tokens", "482913"), ("access_tokens", 482913), ("Tokens", 482913), ("tokens", True), ("otp", 482913),
        ("token", f"session_id={SESSION}"), ("session_ids", [SESSION, CANARY]), ("session_id_hash", SESSION),
    ],
)  # fmt: skip
def test_what_resembles_that_is_not(key, value):
    assert redacted({key: value}) == {key: "***"}


@pytest.mark.parametrize("text", ["tokens: 482913", "tokens=512", '{"tokens": 482913}', "max_tokens=4096"])
def test_a_number_within_a_text_may_be_somebodys_code(text):
    assert not any(digit.isdecimal() for digit in redacted_text(text))


@pytest.mark.parametrize(
    "rest",
    ["already exists.", 'is not present in table "a".', 'is still referenced from table "a".', "is duplicated."],
)
def test_what_postgresql_says_of_a_key_stays_readable(rest):
    assert redacted_text(f"Key (user_id, token)=(1, a) b (c)) {rest}") == f"Key (user_id, token)=(***) {rest}"


def test_what_stands_around_a_secret_stays_readable():
    assert redacted_text('Key (user_id, token)=(1, x) is not present in table "a".') == (
        'Key (user_id, token)=(***) is not present in table "a".'
    )
    assert redacted_text("<QueryDict: {'password': ['x y'], 'next': ['/']}>") == (
        "<QueryDict: {'password': [***], 'next': ['/']}>"
    )
    assert redacted_text("Authorization: Token short\nHost: here") == "Authorization: ***\nHost: here"


def test_what_stands_around_a_private_key_stays_readable():
    assert redacted_text(f"before\n{PEM}\nbetween\n{PEM}\nafter") == "before\n***\nbetween\n***\nafter"


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN " * 20_000,
        "eyJ" * 50_000,
        "eyJaaaaaaaa." * 20_000,
        "-" * 200_000 + "key",
        "password" + "\\" * 100_000,
        'password:\\"' * 20_000,
        'password:\\"' + "\\" * 100_000,
        "key (" * 40_000,
        "key (token)=(" * 20_000,
        "session_id=" + f"{SESSION}," * 5_000 + "x",
        "tokens" * 30_000,
        "key (token)=(" + ") already exists (" * 10_000,
        "one time " * 20_000,
    ],
)
def test_what_only_begins_like_a_secret_costs_no_time(text):
    """Each of these takes some milliseconds; a pattern that goes back over what it has read would take minutes."""
    redacted_text(text)


@given(st.text(alphabet='password="\\ :@/', max_size=200))
def test_masking_comes_to_an_end_and_leaves_what_is_harmless(text):
    masked = redacted_text(text)
    assert masked == text or not looks_harmless(text)
