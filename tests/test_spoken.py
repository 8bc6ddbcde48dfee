"""Protocols are found by their names, and only when they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sbc.config.schema import PROTOCOLS
from sbc.core.orders import WEB
from sbc.spoken import Speech, Spoken, dialects, speech
from tests.rig import make_plan


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_has_all_that_is_wanted_of_it(name: str) -> None:
    found = speech(name)
    assert isinstance(found, Speech)
    made = found.dialect(make_plan(name))
    assert made.name == name
    assert set(found.services) == set(PROTOCOLS[name])
    if set(PROTOCOLS[name]) - {"udp"}:
        assert found.framer().partial is False
    else:
        with pytest.raises(TypeError):
            found.framer()
    assert found.datagrams(lambda source, data: None) is not None
    assert (found.frames is not None) == bool(WEB & set(PROTOCOLS[name]))


def test_what_nobody_speaks_is_not_loaded() -> None:
    code = (
        "import sys, sbc.spoken; from tests.rig import make_plan;"
        "assert list(sbc.spoken.dialects(make_plan('sip'))) == ['sip'];"
        "assert not [name for name in sys.modules if name.startswith(('sbc.h323', 'pycrate'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_each_thing_is_found_by_the_protocols_name() -> None:
    framers = Spoken(lambda each: each.framer)
    assert list(framers) == list(PROTOCOLS) and len(framers) == len(PROTOCOLS)
    assert framers["sip"] is speech("sip").framer
    with pytest.raises(KeyError):
        framers["toy"]


def test_the_dialects_of_a_plan_are_those_of_its_listeners() -> None:
    assert list(dialects(make_plan("h323"))) == ["h323"]
