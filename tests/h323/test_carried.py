"""RAS inside call signalling."""

from __future__ import annotations

from pathlib import Path

from sbc.h323.carried import unwrap, wrap
from sbc.h323.codec import Wire, decode
from tests.h323_calls import arq, rrq, setup
from tests.h323_tshark import judge, needs_tshark


def test_what_was_wrapped_is_found_again() -> None:
    message = decode(wrap(arq(7)))
    held = unwrap(message)
    assert message.name == "facility" and held is not None and held.data == arq(7)


def test_what_carries_nothing_is_left_alone() -> None:
    assert unwrap(decode(setup())) is None and unwrap(decode(arq(7))) is None


def test_a_registration_without_addresses_gets_some() -> None:
    held = unwrap(decode(wrap(rrq(rasAddress=[], callSignalAddress=[]))))
    assert held is not None and held.value["rasAddress"] == held.value["callSignalAddress"]
    again = unwrap(decode(wrap(rrq())))
    assert again is not None and again.data == rrq()


@needs_tshark
def test_tshark_understands_it(tmp_path: Path) -> None:
    (judged,) = judge(tmp_path, Wire.SIGNAL, [wrap(arq(7))])
    assert not judged.faults
