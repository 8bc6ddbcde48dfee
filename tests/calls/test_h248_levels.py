"""Wildcards of one level of a name: who is taken off by them, and who stays (H.248.1 clause 6.2.2, Annex A.1)."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.orders import Order
from sbc.h248 import binary
from sbc.h248.message import H248Message, Termination
from sbc.h248.options import H248Options
from tests.h248_calls import Gateway, gateway, gateway_rig, read
from tests.h248_words import action, as_binary, command, message, reply, transaction
from tests.kept import restarted
from tests.rig import SOFTSWITCH

TRUNKS = (b"a1x", b"a2x", b"a1y")
"""A group, a trunk, a circuit: an octet each."""


def wild(data: bytes, fields: bytes) -> bytes:
    """A message in binary, with wildcards in the names of its terminations."""
    said: H248Message = binary.decode(as_binary(data))
    (only,) = said.actions
    keys = [each.termination.key + b"/" + fields for each in only.commands]
    commands = tuple(
        attrs.evolve(each, terminations=(Termination(key, key, every=True),))
        for each, key in zip(only.commands, keys, strict=True)
    )
    return binary.write(attrs.evolve(said, actions=(attrs.evolve(only, commands=commands),)))


def with_trunks(wire: str, names: tuple[bytes, ...], levels: tuple[int, ...]) -> Gateway:
    """A gateway with those terminations in context 5."""
    found = gateway(gateway_rig(options={"h248": H248Options(levels=levels)}), wire=wire)
    adds = [command(b"Add", each) for each in names]
    (there,) = found.told(found.ask(transaction(10, b"$", *adds)))
    found.say(reply(read(there).transaction, 5, *adds))
    return found


def members(found: Gateway) -> list[bytes]:
    return [each for call in found.calls if call.gathering is not None for each in call.gathering.members]


@pytest.mark.parametrize(
    ("levels", "fields", "stay"),
    [
        ((8, 8, 8), b"8f", (b"a1y",)),
        ((), b"8f", ()),  # how wide the level is was not told: the last octet is taken to be open, too
        ((8, 8, 8), b"cf", ()),
        ((8, 8, 8), b"87", (b"a2x",)),
        ((8, 4, 4, 8), b"8b", (b"a1y",)),
        ((8, 4, 4, 8), b"8f", (b"a2x", b"a1y")),  # 0x31 and 0x32: of the first half alone
    ],
)
def test_a_level_of_a_binary_name(levels: tuple[int, ...], fields: bytes, stay: tuple[bytes, ...]) -> None:
    found = with_trunks("binary", TRUNKS, levels)
    found.rig, _ = restarted(found.rig)

    def off(data: bytes) -> bytes:
        return wild(data, fields)

    asked = found.rig.from_core(
        off(message(SOFTSWITCH, transaction(30, 5, command(b"W-Subtract", TRUNKS[0])))), SOFTSWITCH, at=found.own
    )
    found.rig, _ = restarted(found.rig)
    (there,) = found.told(asked)
    number = read(there).transaction
    orders: list[Order] = found.rig.from_access(
        off(message(found.mid, b"Reply = %d { %b }" % (number, action(5, command(b"W-Subtract", TRUNKS[0]))))), found.at
    )
    assert len(found.heard(orders)) == 1
    assert members(found) == [each.hex().encode() for each in stay]


def test_a_level_of_a_name_in_text() -> None:
    names = (b"a/1/x", b"a/2/x", b"a/1/y", b"b/1/x")
    found = with_trunks("text", names, ())
    asked = found.ask(transaction(30, 5, command(b"W-Subtract", b"a/*/x")))
    (there,) = found.told(asked)
    found.say(reply(read(there).transaction, 5, command(b"W-Subtract", b"a/*/x")))
    assert members(found) == [b"a/1/y", b"b/1/x"]


def test_several_wide_wildcards_in_one_answer() -> None:
    """Each of them means every second or fourth digit: 32 kinds of names, and three of them are gone at once."""
    names = (b"0A", b"1A", b"2A")
    found = with_trunks("binary", (*names, b"3A"), (2, 3, 3, 2, 4, 2))
    off = [command(b"W-Subtract", each) for each in names]
    asked = message(SOFTSWITCH, transaction(30, 5, *off))
    (there,) = found.told(found.rig.from_core(wild(asked, b"8d8581"), SOFTSWITCH, at=found.own))
    said = message(found.mid, b"Reply = %d { %b }" % (read(there).transaction, action(5, *off)))
    found.rig.from_access(wild(said, b"8d8581"), found.at)
    assert members(found) == [b"3A".hex().encode()]
