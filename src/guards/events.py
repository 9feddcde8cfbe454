"""What the guards turn away."""

from events.event import Event


class RequestThrottled(Event, name="request_throttled", version=1):
    """Somebody tried too often and was turned away; recorded once per limit and window, however many follow.

    `rate` names the limit that was reached. `network` is where the attempts come from, and `account` the account they
    aim at, as the client wrote it: an incident cannot be understood without them. Either is empty if it is not known,
    or is no address: it may be a password, typed into the wrong field.
    """

    rate: str
    network: str
    account: str


class AccessDenied(Event, name="access_denied", version=1):
    """A person who is logged in asked for what is not theirs to ask.

    Of one person and one resource, a process records no more than one a minute.
    """

    user_id: int
    method: str
    path: str
