"""The API, as one Uvicorn process serves it: GET me, POST register and GET events, against bare Django views.

One bare view answers without asking anybody; the other makes the one query that finds a person by the token, and is
what GET me is held against. What each layer costs is seen by taking it away. Clients ask again as soon as they are
answered; they, PostgreSQL and the server share the cores. Within a round the servers take turns in random order.
"""

import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from statistics import median
from uuid import uuid4

from bench.findings import Finding, Goal, Result, percentile, ratio, result, size
from bench.ground import fill_event_log
from bench.load import UNIQUE, Request, send
from bench.processes import processor_seconds, web_server

SECONDS = size(tiny=0.2, usual=0.7, full=5.0)
ROUNDS = size(tiny=1, usual=3, full=5)
CONNECTIONS = size(tiny=(2,), usual=(1, 16, 64), full=(1, 16, 64))
# At which the layers are taken away, one by one.
_LAYERED = size(tiny=2, usual=16, full=16)
_PASSWORD = "a long way down"
_MANY = "1000000/minute"
# Of the last hour, so that a page of the newest is found where most people look for it.
_EVENTS = size(tiny=100, usual=100_000, full=1_000_000)
# Each server by what is taken away from it; None is the application as it is.
_FULL, _ONLY_AUTH, _BARE = None, "logging,middleware", "logging,middleware,views"
_ALL = ("authentication", "middleware", "logging")
_LAYERS = size(tiny=_ALL[:1], usual=_ALL, full=_ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    pid: int
    port: int


@dataclass(kw_only=True)
class Target:
    """A request to a server, and what the rounds have shown so far."""

    server: Server
    request: Request
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def again(self, clients: ProcessPoolExecutor, *, connections: int) -> None:
        """One round more: requests a second, waits, and the server's milliseconds of processor time for each."""
        used, port = processor_seconds(self.server.pid), self.server.port
        sending = clients.submit(send, self.request, port=port, connections=connections, seconds=SECONDS)
        rate, waits = sending.result()
        self.rates.append(rate)
        self.waits += waits
        self.costs.append((processor_seconds(self.server.pid) - used) * 1000 / len(waits))


def measure() -> Iterator[Finding]:
    token = logged_in()
    fill_event_log(_EVENTS)
    me = Request(method="GET", path="/api/users/me/", status=200, token=token)
    with ExitStack() as stack:
        clients = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
        servers = {without: stack.enter_context(_server(without)) for without in (_FULL, _ONLY_AUTH, _BARE, *_LAYERS)}
        throttled = stack.enter_context(_server(_FULL, THROTTLES="true", THROTTLE_REGISTRATION_PER_NETWORK=_MANY))
        yield from _endpoints(clients, servers, me)
        yield from _layers(clients, servers, me)
        yield from _throttles(clients, unthrottled=servers[_FULL], throttled=throttled)


def _endpoints(clients: ProcessPoolExecutor, servers: Mapping[str | None, Server], me: Request) -> Iterator[Finding]:
    bare, full = servers[_BARE], servers[_FULL]
    for connections in CONNECTIONS:
        nothing = Target(server=bare, request=replace(me, path="/nothing/"))
        query = Target(server=bare, request=replace(me, path="/me/"))
        only_auth, whole = Target(server=servers[_ONLY_AUTH], request=me), Target(server=full, request=me)
        targets = {
            "a bare view that asks nobody": nothing,
            "a bare view with the query that finds the person": query,
            "GET me, all but authentication removed": only_auth,
            "GET me": whole,
            "POST register": Target(server=full, request=_registration()),
            "GET events": Target(server=full, request=replace(me, path="/api/events/")),
        }
        _take_turns(list(targets.values()), clients, connections=connections)
        for name, target in targets.items():
            yield _told(f"{name}, {connections} connections", target, against=query)
        yield Goal(
            asked=f"GET me, all but authentication removed, {connections} connections: at least 0.8 of a bare view",
            met=ratio(only_auth.rates, query.rates) >= 0.8,
            found=f"{ratio(only_auth.rates, query.rates):.2f} of the bare view that makes the same query, "
            f"{ratio(only_auth.rates, nothing.rates):.2f} of the one that asks nobody; processor time a request "
            f"{median(only_auth.costs):.2f}, {median(query.costs):.2f}, {median(nothing.costs):.2f} ms",
        )


def _layers(clients: ProcessPoolExecutor, servers: Mapping[str | None, Server], me: Request) -> Iterator[Finding]:
    """GET me as it is, against the same without one layer."""
    targets = {without: Target(server=servers[without], request=me) for without in (_FULL, *_LAYERS)}
    _take_turns(list(targets.values()), clients, connections=_LAYERED)
    for layer in _LAYERS:
        yield _cost(f"GET me: what {layer} costs, {_LAYERED} connections", whole=targets[_FULL], less=targets[layer])


def _throttles(clients: ProcessPoolExecutor, *, unthrottled: Server, throttled: Server) -> Iterator[Finding]:
    """With one client, for hashing is what limits registrations."""
    less, whole = (Target(server=server, request=_registration()) for server in (unthrottled, throttled))
    _take_turns([less, whole], clients, connections=1)
    yield _cost("POST register: what throttling costs, 1 connection", whole=whole, less=less)


def _take_turns(targets: list[Target], clients: ProcessPoolExecutor, *, connections: int) -> None:
    for target in targets:  # the first requests open connections and load what is loaded late
        replace(target, rates=[], costs=[], waits=[]).again(clients, connections=connections)
    for _ in range(ROUNDS):
        for target in random.sample(targets, len(targets)):
            target.again(clients, connections=connections)


def _told(what: str, target: Target, *, against: Target) -> Result:
    return result(
        what, target.rates, "requests/s",
        compared=f"p50 {percentile(target.waits, 50):.1f} ms, p99 {percentile(target.waits, 99):.1f} ms; "
        f"{median(target.costs):.2f} ms of processor each; {ratio(target.rates, against.rates):.2f} of the bare view",
    )  # fmt: skip


def _cost(what: str, *, whole: Target, less: Target) -> Result:
    """What a layer takes, from the runs with and without it."""
    costs = [with_it - without for with_it, without in zip(whole.costs, less.costs, strict=True)]
    waits = percentile(whole.waits, 50) - percentile(less.waits, 50)
    return Result(
        what=what, measured=f"{median(costs):.2f} ms of processor", spread=f"{min(costs):.2f}–{max(costs):.2f}",
        compared=f"{100 * (1 - ratio(whole.rates, less.rates)):.0f} % of the throughput; p50 {waits:+.2f} ms",
    )  # fmt: skip


def _registration() -> Request:
    somebody_new = {"email": f"{UNIQUE}@example.com", "password": _PASSWORD}
    return Request(method="POST", path="/api/users/", status=201, body=somebody_new)


def logged_in() -> str:
    """A person who may see everything, logged in."""
    from users.models import User
    from users.use_cases.log_in import LogIn

    login = {"email": f"{uuid4().hex}@example.com", "password": _PASSWORD}
    User.objects.create_superuser(**login)
    return LogIn(**login, network="127.0.0.1").execute().token


@contextmanager
def _server(without: str | None, **environment: str) -> Iterator[Server]:
    application = "core.asgi:application" if without is None else "bench.stripped:application"
    with web_server(application, **environment, **({"BENCH_WITHOUT": without} if without else {})) as (pid, port):
        yield Server(pid=pid, port=port)
