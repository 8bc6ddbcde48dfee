"""Whose a terminal is: by its user, or by where it is."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from sbc.policy.customers import Customer, Customers
from tests.effort import effort

KNOWN = Customers(
    [
        Customer("one", ("alice@example.com",)),
        Customer("domain", ("*@example.com",)),
        Customer("numbers", ("+49*", "+4930*")),
        Customer("office", ("+493012*",), (ip_network("203.0.113.0/24"), ip_network("2001:db8:1::/48"))),
        Customer("desk", networks=(ip_network("203.0.113.7"),)),
    ]
)


@pytest.mark.parametrize(
    ("user", "host", "name"),
    [
        (b"alice@example.com", "203.0.113.9", "one"),
        (b"bob@example.com", "203.0.113.9", "domain"),
        (b"+4940@elsewhere.org", "192.0.2.1", "numbers"),
        (b"+49301234@example.com", "192.0.2.1", "office"),
        (b"carol@elsewhere.org", "203.0.113.9", "office"),
        (b"", "203.0.113.7", "desk"),
        (b"", "2001:db8:1:2::3", "office"),
        (b"carol", "192.0.2.1", None),
        (b"alice@EXAMPLE.com", "192.0.2.1", None),
        (b"", "fe80::1%eth0", None),
        (b"", "nonsense", None),
    ],
)
def test_whose_a_terminal_is(user: bytes, host: str, name: str | None) -> None:
    found = KNOWN.find(user, host)
    assert (None if found is None else found.name) == name


def test_of_many_one_is_found_as_fast_as_of_few() -> None:
    each = ((f"c{n}", (f"u{n}@example.com",), (ip_network((n << 8) + (1 << 28)),)) for n in range(50_000))
    many = Customers([Customer(*one) for one in each])
    few = Customers([Customer("c0", ("u0@example.com",), (ip_network("192.0.2.0/24"),))])

    def find(customers: Customers) -> None:
        for number in range(2_000):
            customers.find(b"nobody@example.org", f"192.0.2.{number % 256}")

    assert effort(lambda: find(many)) < 20 * effort(lambda: find(few))  # a scan is 50,000 times as long
