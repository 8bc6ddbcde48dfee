"""Streams of which each party says the key of what it sends: what is taken, what is told, what is in force."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.message import Refused
from sbc.core.one_way import agree
from sbc.core.secured import Key, MediaSecurity, OneWay, Secured
from sbc.core.securing import BARE, End, Negotiation, Wards
from tests.core.test_securing import negotiation

NONE, SDES, DTLS = MediaSecurity.NONE, MediaSecurity.SDES, MediaSecurity.DTLS
OPTIONAL, PASS = MediaSecurity.OPTIONAL, MediaSecurity.PASS
_80, _32 = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"
SUITES = (_80, _32)
SENDS, TAKES = OneWay(True, suites=SUITES), OneWay(False, suites=SUITES)
KEY, OTHER = Key(_80, b"k" * 30, tag=5), Key(_32, b"o" * 30, tag=7)


def keyed(key: Key = KEY) -> Secured:
    return Secured((key,), demands=True, takes=(key.suite,))


def says(
    made: Negotiation,
    side: int,
    said: Secured | None,
    wards: Wards = BARE,
    channel: OneWay = SENDS,
    again: bool = False,
) -> tuple[Wards, Secured | None]:
    return agree(made, wards, side, said, channel, again)


def keys(wards: Wards, side: int) -> tuple[Key | None, Key | None]:
    force = wards[side].force
    assert force is not None
    return force.receive, force.send


def able(made: Negotiation, side: int, *suites: str) -> Negotiation:
    """Where the party of a side has said that it can take these."""
    ends: list[End] = list(made.ends)
    ends[side] = attrs.evolve(ends[side], takes=suites)
    made.ends = ends[0], ends[1]
    return made


def test_each_direction_has_the_key_of_who_sends() -> None:
    made = negotiation(SDES, SDES)
    wards, told = says(made, 0, keyed())
    assert told is not None and told.demands and told.takes == (_80,)
    assert keys(wards, 0) == (KEY, None) and keys(wards, 1) == (None, told.keys[0])
    wards, back = says(made, 1, keyed(OTHER), wards)
    assert back is not None and keys(wards, 0) == (KEY, back.keys[0]) and keys(wards, 1) == (OTHER, told.keys[0])
    assert len({KEY.secret, OTHER.secret, told.keys[0].secret, back.keys[0].secret}) == 4


@pytest.mark.parametrize("mode", [NONE, PASS])
def test_who_is_plain_hears_nothing_of_keys(mode: MediaSecurity) -> None:
    wards, told = says(negotiation(SDES, mode), 0, keyed())
    assert told is None and wards[1].force is None and keys(wards, 0) == (KEY, None)


@pytest.mark.parametrize(
    ("near", "said", "counted"),
    [
        (SDES, None, "media-plain"),
        (SDES, Secured(demands=True, takes=(_80,)), "media-secured"),
        (SDES, keyed(attrs.evolve(KEY, suite="AEAD_AES_128_GCM", secret=b"g" * 28)), "media-secured"),
        (NONE, keyed(), "media-secured"),
        (PASS, keyed(), "media-secured"),
        (DTLS, keyed(), "media-secured"),
        (DTLS, None, "media-plain"),
    ],
)
def test_what_does_not_fit_is_refused(near: MediaSecurity, said: Secured | None, counted: str) -> None:
    with pytest.raises(Refused) as no:
        says(negotiation(near, SDES if near is not SDES else NONE), 0, said)
    assert no.value.counted == counted


@pytest.mark.parametrize(
    ("far", "transport", "suites", "counted"),
    [(SDES, "tcp", None, "keys-in-clear"), (SDES, "tls", (), "no-suite"), (DTLS, "tls", None, "no-dtls")],
)
def test_what_cannot_be_said_there_is_refused(
    far: MediaSecurity, transport: str, suites: tuple[str, ...] | None, counted: str
) -> None:
    made = negotiation(NONE, far, ("tcp", transport))
    with pytest.raises(Refused) as no:
        says(made if suites is None else able(made, 1, *suites), 0, None)
    assert no.value.counted == counted


def test_a_party_is_sent_to_by_a_suite_that_it_takes_and_that_stays() -> None:
    made = able(negotiation(NONE, SDES), 1, _32)
    wards, told = says(made, 0, None)
    assert told is not None and told.takes == (_32,)
    wards, again = says(able(made, 1, _80, _32), 0, None, wards)
    assert again == told


def test_an_optional_realm_is_told_what_it_can() -> None:
    made = negotiation(NONE, OPTIONAL)
    assert says(made, 0, None)[1] is None
    wards, told = says(able(made, 1, _80), 0, None)
    assert told is not None
    with pytest.raises(Refused):  # one direction in the clear, where the other is not
        says(made, 1, None, wards)
    wards, _ = says(negotiation(OPTIONAL, NONE), 0, None)
    with pytest.raises(Refused):
        says(negotiation(OPTIONAL, NONE), 0, keyed(), wards)


def test_a_key_of_ours_is_nobody_elses_now_or_later() -> None:
    made = negotiation(SDES, SDES)
    wards, told = says(made, 0, keyed())
    assert told is not None
    with pytest.raises(Refused) as no:
        says(made, 1, keyed(told.keys[0]), wards)
    assert no.value.counted == "own-key"


def test_of_several_proposals_the_one_that_is_taken_counts() -> None:
    made = negotiation(SDES, NONE)
    wards, _ = says(made, 0, keyed())
    wards, _ = says(made, 0, keyed(OTHER), wards, again=True)
    assert keys(wards, 0)[0] == KEY
    taken, told = says(made, 1, None, wards, attrs.evolve(TAKES, tag=7))
    assert keys(taken, 0)[0] == OTHER and told is not None and told.takes == (_32,) and not told.keys
    taken, _ = says(made, 1, None, wards, attrs.evolve(TAKES, tag=99))  # nobody has proposed that
    assert keys(taken, 0)[0] == KEY


def test_who_says_what_may_be_sent_to_it_is_sent_to_by_that() -> None:
    made = negotiation(SDES, NONE)
    wards, told = says(made, 0, Secured(demands=True, takes=(_32, _80)), channel=TAKES)
    assert told is None
    ours = keys(wards, 0)[1]
    assert ours is not None and ours.suite == _32
    wards, back = says(made, 1, None, wards)
    assert back is not None and back.keys == (ours,)
    with pytest.raises(Refused):
        says(made, 0, Secured(demands=True), channel=TAKES)
    with pytest.raises(Refused):
        says(made, 0, None, channel=TAKES)


def test_another_key_gives_way_to_the_one_before() -> None:
    made = negotiation(SDES, NONE)
    wards, _ = says(made, 0, keyed())
    wards, _ = says(made, 0, keyed(OTHER), wards)
    assert keys(wards, 0) == (OTHER, None)


@pytest.mark.parametrize("mode", [SDES, OPTIONAL])
def test_who_sends_by_a_suite_but_says_that_it_takes_none_is_opened_no_channel(mode: MediaSecurity) -> None:
    made = negotiation(mode, NONE)
    wards, _ = says(made, 0, keyed())
    with pytest.raises(Refused) as no:
        says(able(made, 0), 1, None, wards)
    assert no.value.counted == "no-suite"
