"""Answers of the SBC's own are in the name of a gateway's other party, or of the address of ours that is asked."""

from __future__ import annotations

from sbc.core import standin
from sbc.core.address import Address
from sbc.core.orders import Listener
from tests.rig import SOFTSWITCH
from tests.toy_gateway import Gateway, gateway


class Signing:
    """A dialect whose answers say whose they are."""

    def in_name_of(self, answer: bytes, known: bytes, at: Address) -> bytes:
        return b"%b in the name of %b" % (answer, known or str(at).encode())


def at_core(found: Gateway, own: bytes | None = b"no") -> bytes | None:
    return standin.answer(found.rig.border.registry, Signing(), found.own, SOFTSWITCH, own)


def at_access(found: Gateway, peer: Address) -> bytes | None:
    return standin.answer(found.rig.border.registry, Signing(), found.binding.listener, peer, b"no")


def test_who_asks_a_gateway_has_its_registration() -> None:
    found = gateway()
    found.binding.lasting = True
    found.binding.sent = b"its registration"
    assert at_core(found) == b"no in the name of its registration"
    assert at_core(found, None) is None
    found.binding.sent = b""
    assert at_core(found) == _ours(found.own)


def test_a_gateway_has_what_it_was_told_then() -> None:
    found = gateway()
    found.binding.lasting = True
    found.binding.kept = b"its controller's yes"
    assert at_access(found, found.at) == b"no in the name of its controller's yes"
    assert at_access(found, Address("203.0.113.99", 9)) == _ours(found.binding.listener)


def test_whoever_else_asks_has_our_address() -> None:
    found = gateway()
    found.binding.lasting, found.binding.sent, found.binding.kept = False, b"x", b"y"
    assert (at_core(found), at_access(found, found.at)) == (_ours(found.own), _ours(found.binding.listener))
    shared = found.rig.border.plan.realms["core"].listeners[0]
    assert standin.answer(found.rig.border.registry, Signing(), shared, SOFTSWITCH, b"no") == _ours(shared)


def _ours(at: Listener) -> bytes:
    return b"no in the name of " + str(at.advertised).encode()
