"""Seals in C: held to the reference like those in Python, and as long as their key."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.secured import SUITES, Key
from sbc.media.native.secured import NO_KEYS, Seals
from sbc.media.sealing import Past
from tests.media.keys import key, security
from tests.media.packets import rtp, sender_report
from tests.media.reference import protect_rtcp, protect_rtp
from tests.media.specs import side_spec

PAIR = Pair(Address("192.0.2.1", 4000), Address("192.0.2.1", 4001))


@pytest.fixture
def module() -> Any:
    module = pytest.importorskip("sbc.media.native._native", reason="the modules in C are not built")
    if why := Seals(module).missing():
        pytest.skip(why)
    return module


def given(module: Any, keys: tuple[Key | None, Key | None], before: tuple[Key | None, Key | None] = NO_KEYS) -> Any:
    made = module.ffi.new("struct new_seals *")
    side = attrs.evolve(side_spec("access", PAIR, PAIR), security=security("k"))
    Seals(module).write(made, side, before, keys, Past())
    return made


def test_suites_are_numbered_alike(module: Any) -> None:
    for number, name in enumerate(SUITES):
        assert getattr(module.lib, f"SUITE_{name}") == number
    assert len(SUITES) == module.lib.SUITES
    assert Seals(module).suites() == tuple(SUITES)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("mki", [b"", b"\0\0\0\x07"])
def test_writes_and_reads_as_the_standards_say(module: Any, suite: str, mki: bytes) -> None:
    ffi, lib, made = module.ffi, module.lib, key("k", suite, mki)
    seals = given(module, (made, made))
    size = ffi.new("uint32_t *")

    def passed(how: Any, seal: Any, rtcp: bool, data: bytes) -> bytes:
        room = ffi.new("uint8_t[]", data + bytes(256))
        size[0] = len(data)
        assert how(seal, rtcp, room, size) == lib.SEALED
        return bytes(ffi.buffer(room, size[0]))

    for n in range(1, 4):
        sealed, report = protect_rtp(made, rtp(n)), protect_rtcp(made, sender_report(7, n), n)
        assert passed(lib.seal_close, seals.send, False, rtp(n)) == sealed
        assert passed(lib.seal_open, seals.receive, False, sealed) == rtp(n)
        assert passed(lib.seal_close, seals.send, True, sender_report(7, n)) == report
        assert passed(lib.seal_open, seals.receive, True, report) == sender_report(7, n)
    Seals(module).drop(seals)
    assert seals.send == ffi.NULL


def test_a_key_that_stays_is_not_made_again(module: Any) -> None:
    seals = given(module, (key("a"), key("b")), before=(key("a"), key("c")))
    assert (seals.kept_receive, seals.kept_send) == (True, False)
    assert seals.receive == module.ffi.NULL
    Seals(module).drop(seals)


@pytest.mark.parametrize("wrong", [Key("X", bytes(30)), Key("AEAD_AES_128_GCM", bytes(27)), key("a", mki=bytes(129))])
def test_what_is_no_key_is_refused(module: Any, wrong: Key) -> None:
    with pytest.raises(ValueError, match="no key"):
        given(module, (key("a"), wrong))
