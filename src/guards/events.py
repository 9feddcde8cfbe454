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
