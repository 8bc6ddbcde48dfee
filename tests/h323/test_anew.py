"""What is put into a value and encoded anew: chains to nested PDUs, other parts of values, and what would be lost."""

from __future__ import annotations

import pytest

from sbc.core.address import Address
from sbc.h323.anew import at_chain, chain_of, changed, refuse_losses, value_of
from sbc.h323.codec import decode
from sbc.h323.spots import Noted
from tests.h323_messages import MADE, registration

DATA = dict(MADE)


def test_chains_lead_to_pdus() -> None:
    message = decode(DATA["setup"])
    again = decode(DATA["setup"])
    assert message.pdu is not None and again.pdu is not None
    for pdu, same in zip(message.pdus, again.pdus, strict=True):
        assert at_chain(again.pdu, chain_of(pdu)) is same
    assert chain_of(message.pdus[4]) == (("fastStart", 1), ("genericInformation", 0))


def test_what_was_dropped_has_no_end() -> None:
    message = decode(DATA["setup"])
    assert message.pdu is not None
    chain = chain_of(message.pdus[4])
    message.drop_addition(message.pdu, ("h323-uu-pdu", "h323-message-body", "setup", "fastStart"))
    after = decode(message.encode())
    assert after.pdu is not None and at_chain(after.pdu, chain) is None


def test_a_value_is_changed_and_the_old_one_stays() -> None:
    whole = ("registration", {"alias": [("digits", "1"), ("digits", "2")], "number": 3})
    new = changed(whole, ("registration", "alias", 1, "digits"), "22")
    assert new == ("registration", {"alias": [("digits", "1"), ("digits", "22")], "number": 3})
    assert whole[1]["alias"] == [("digits", "1"), ("digits", "2")]
    for path in (("other",), ("registration", "none"), ("registration", "alias", 2), ("registration", "number", "x")):
        with pytest.raises(ValueError, match="there is no"):
            changed(whole, path, 0)


def test_addresses_as_both_recommendations_write_them() -> None:
    for name, field, four, six in (
        ("registration", "callSignalAddress", ("ipAddress", "ip", "port"), ("ip6Address", "ip", "port")),
        (
            "route-in-h245",
            "mediaChannel",
            ("iPAddress", "network", "tsapIdentifier"),
            ("iP6Address", "network", "tsapIdentifier"),
        ),
    ):
        spot = next(spot for spot in decode(DATA[name]).spots if spot.field == field)
        form, host, port = four
        assert value_of(spot, Address("192.0.2.1", 5)) == (form, {host: b"\xc0\x00\x02\x01", port: 5})
        form, host, port = six
        assert value_of(spot, Address("::1", 5)) == (form, {host: bytes(15) + b"\x01", port: 5})
        with pytest.raises(ValueError, match="no IP address"):
            value_of(spot, Address("gk.example", 5))
    name = next(spot for spot in decode(registration()).spots if spot.kind is Noted.NAME)
    with pytest.raises(ValueError, match="cannot be written"):
        value_of(name, "x")


def test_what_would_be_lost_is_refused() -> None:
    pdu = decode(registration()).pdu
    assert pdu is not None
    refuse_losses(pdu, registration())
    with pytest.raises(ValueError, match="lost"):
        refuse_losses(pdu, registration() + b"more")
    pdu.understood = False
    with pytest.raises(ValueError, match="lost"):
        refuse_losses(pdu, registration())
