"""Where a request comes from, as far as it can be believed.

Everybody can send an X-Forwarded-For header. Each proxy appends the address that it was called from, so with N proxies
of our own (TRUSTED_PROXIES) the N-th entry from the right is true, and everything left of it is the client's invention.
"""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

# Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")
# Who has one address of IPv6 has the 2^64 beside it as well.
_V6_PREFIX = 64
# What providers give to one customer who asks, which has 2^16 of those.
_V6_SITE_PREFIX = 48


def network_of(request: HttpRequest) -> str:
    """The client's network: an IPv4 address, or the /64 that an IPv6 address is in; empty if it cannot be known."""
    connected = request.META.get("REMOTE_ADDR", "")
    return _network(_forwarded(request)) or _network(connected)


def neighbourhood_of(network: str) -> str:
    """The /48 that a network of IPv6 is in; empty for one of IPv4."""
    if ":" not in network:
        return ""
    return str(ipaddress.IPv6Network(network).supernet(new_prefix=_V6_SITE_PREFIX))


def _forwarded(request: HttpRequest) -> str:
    """The entry of the outermost of our own proxies; empty without proxies, or with fewer entries than proxies."""
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    proxies: int = settings.TRUSTED_PROXIES
    return entries[-proxies].strip() if 0 < proxies <= len(entries) else ""


def _network(address: str) -> str:
    found = _WITH_PORT.fullmatch(address)
    bare = (found["v6"] or found["v4"] or "") if found else address
    try:
        host = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(host, ipaddress.IPv4Address):
        return str(host)
    if host.ipv4_mapped is not None:
        return str(host.ipv4_mapped)
    return str(ipaddress.ip_network((host, _V6_PREFIX), strict=False))
