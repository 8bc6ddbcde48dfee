"""What outlives the process: every attribute is written, or named with the reason why not."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from sbc.core.binding import Binding, BindingState
from sbc.core.call import Call, CallState, Leg, Stream
from sbc.core.exchange import Change, Exchange
from sbc.core.plain import Frame, Moment, Unfit
from sbc.core.promises import Promise
from sbc.core.sessions import Session
from sbc.core.snapshot import (
    BINDING,
    CALL,
    CHANGE,
    EXCHANGE,
    LEFT_OUT,
    MOMENTS,
    PROMISE,
    _of,
    goes_on,
    lasts,
    pack,
    unpack,
)
from sbc.core.watch import Watch
from tests.kept import values_of
from tests.rig import SECRET, make_plan
from tests.toy_calls import answered, bound, opened, toy_rig

WRITTEN: dict[type, set[str]] = {
    Call: set(CALL),
    Session: set(_of(Session)),
    Leg: set(_of(Leg)),
    Stream: set(_of(Stream)),
    Exchange: set(EXCHANGE),
    Binding: set(BINDING),
    Promise: set(PROMISE),
    Change: {*CHANGE, "stream"},
}
LEFT: dict[type, set[str]] = {**{kind: set(names) for kind, names in LEFT_OUT.items()}, Change: set()}
WATCH_LEFT = {
    "listener", "peer", "dialect", "owners",  # of those who need it
    "heard_at", "wait", "probe", "silence", "spoiled", "asked",  # begun anew
    "missed", "dead",  # the binding knows that it is dead
    "due", "entry",
}  # fmt: skip
MOMENT_WORDS = ("_at", "due", "deadline", "ends", "until", "moves_on")


def attributes(kind: type) -> set[str]:
    if kind is Call:
        return set(getattr(Call, "__mypyc_attrs__", ())) or set(vars(answered().call))  # compiled it has no dictionary
    return {each.name for each in attrs.fields(kind)}


@pytest.mark.parametrize("kind", WRITTEN)
def test_every_attribute_is_written_or_said_why_not(kind: type) -> None:
    """A new attribute fails here: give it a line in `_CALL`, if it is the call's, or a reason in LEFT_OUT."""
    assert attributes(kind) == WRITTEN[kind] | LEFT[kind]
    assert not WRITTEN[kind] & LEFT[kind]
    assert all(LEFT_OUT.get(kind, {"": "x"}).values())


def test_a_watch_is_made_anew_out_of_who_needs_it() -> None:
    """A new attribute fails here: is it to be known after a restart?"""
    assert {each.name for each in attrs.fields(Watch)} == WATCH_LEFT


@pytest.mark.parametrize("kind", MOMENTS)
def test_times_are_known_as_times(kind: type) -> None:
    """What is named as a time is written as a time of day, and is on the core's clock afterwards."""
    named = {name for name in WRITTEN[kind] if name.endswith(MOMENT_WORDS)}
    assert named == MOMENTS[kind]


def test_the_forms_of_times_are_those_of_times() -> None:
    for table, kind in ((CALL, Call), (EXCHANGE, Exchange), (BINDING, Binding)):
        frame = Frame(make_plan("toy"), 500.0)
        for name in MOMENTS[kind]:
            assert table[name].read(501.0, frame) == 1.0, name
    assert Moment(1.0) == 1.0


def test_a_call_lasts_until_it_ends_and_a_binding_from_the_registrars_yes() -> None:
    talk = answered()
    assert lasts(talk.call)
    talk.rig.border.end_call(talk.call.id, "why not", talk.rig.now)
    assert not lasts(talk.call)
    rig = toy_rig()
    bound(rig)
    (binding,) = rig.border.registry.bindings.values()
    assert lasts(binding)
    binding.state = BindingState.PENDING
    assert not lasts(binding)
    assert all(lasts(_in_state(state)) == (state is not CallState.CLOSED) for state in CallState)


def _in_state(state: CallState) -> Call:
    call = answered().call
    call.life.state = state
    return call


def test_an_exchange_goes_on_where_its_asker_would_wait_in_silence() -> None:
    talk = opened()
    assert goes_on(talk.exchange)
    assert not goes_on(attrs.evolve(talk.exchange, near=None))
    assert not goes_on(attrs.evolve(talk.exchange, timing=attrs.evolve(talk.exchange.timing, confirmed=False)))
    assert goes_on(answered().exchange)


def test_a_value_says_its_version_and_what_it_is() -> None:
    ((kind, data),) = values_of(answered().rig.border)
    assert kind == "call"
    plain = unpack("call", data)
    assert (plain["version"], plain["what"], plain["state"]) == (1, "call", "up")
    with pytest.raises(Unfit, match="is no binding"):
        unpack("binding", data)
    with pytest.raises(Unfit, match="version 2, this SBC reads 1"):
        unpack("call", pack("call", plain | {"version": 2}))
    for junk in (b"", b"{", b"[]", b"7", b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(Unfit):
            unpack("call", junk)


def test_nothing_of_the_mints_secret_is_in_a_value() -> None:
    rig = toy_rig()
    bound(rig)
    for _, data in values_of(rig.border):
        assert SECRET not in data and SECRET.hex().encode() not in data


def test_what_peers_have_written_is_written_octet_by_octet() -> None:
    talk = answered()
    everything: Any = bytes(range(256))
    talk.call.answered_by = everything
    ((_, data),) = values_of(talk.rig.border)
    assert data.isascii()
    assert json.loads(data)["answered_by"].encode("latin-1") == everything
