"""Where a request comes from: what a client writes into its headers is believed as far as our own proxies go."""

import pytest
from django.test import RequestFactory

from guards.network import network_of


def network(connected: str, forwarded: str | None = None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return network_of(RequestFactory().get("/", REMOTE_ADDR=connected, headers=headers))


@pytest.mark.parametrize(
    ("address", "its_network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:DB8:0:1::1", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", ""),
        ("somewhere", ""),
    ],
)
def test_a_network_is_an_ipv4_address_or_the_64_of_an_ipv6_one(address, its_network):
    assert network(address) == its_network


@pytest.mark.parametrize("forwarded", ["203.0.113.9", "203.0.113.9, 198.51.100.7", "", "junk"])
def test_without_proxies_the_header_is_not_believed(settings, forwarded):
    settings.TRUSTED_PROXIES = 0
    assert network("192.0.2.1", forwarded) == "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "believed"),
    [
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 2.2.2.2, 203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1,203.0.113.9 ", "203.0.113.9"),
        (2, "1.1.1.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::1]:4711", "2001:db8::/64"),
        (1, "[2001:db8::1]", "2001:db8::/64"),
        (1, "2001:db8::1", "2001:db8::/64"),
    ],
)
def test_behind_proxies_of_ours_the_outermost_ones_word_counts_and_no_invention_of_the_client(
    settings, proxies, forwarded, believed
):
    settings.TRUSTED_PROXIES = proxies
    assert network("10.0.0.1", forwarded) == believed


@pytest.mark.parametrize(
    ("proxies", "forwarded"), [(1, None), (1, ""), (1, "unknown"), (1, "1.1.1.1, "), (3, "1.1.1.1")]
)
def test_what_no_proxy_can_have_written_is_not_believed(settings, proxies, forwarded):
    settings.TRUSTED_PROXIES = proxies
    assert network("10.0.0.1", forwarded) == "10.0.0.1"
