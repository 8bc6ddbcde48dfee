"""What each side of a stream is told of its security, what is in force, and what is refused."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.message import Cause, Refused
from sbc.core.mint import Mint
from sbc.core.secured import (
    SUITES,
    Dtls,
    Fingerprint,
    Ice,
    IcePair,
    Key,
    MediaSecurity,
    OwnRtcp,
    Protection,
    Secured,
    SideSecurity,
)
from sbc.core.securing import BARE, End, Negotiation, Way, elsewhere, laid_bare, put_back, translates

NONE, SDES, DTLS = MediaSecurity.NONE, MediaSecurity.SDES, MediaSecurity.DTLS
OPTIONAL, PASS = MediaSecurity.OPTIONAL, MediaSecurity.PASS
OURS = (Fingerprint("sha-256", b"o" * 32),)
KEY = Key("AES_CM_128_HMAC_SHA1_80", b"k" * 30, tag=5)
SAID = Key("AES_CM_128_HMAC_SHA1_80", b"s" * 30)
KEYED = Secured((KEY,), demands=True)
CERTIFIED = Secured(
    fingerprints=(Fingerprint("sha-256", b"t" * 32),),
    setup="actpass",
    ice=Ice("them", "t" * 22),
    feedback=True,
    mux=True,
    mid="0",
    demands=True,
)


def negotiation(
    near: MediaSecurity,
    far: MediaSecurity,
    transports: tuple[str, str] = ("tls", "tls"),
    fingerprints: tuple[Fingerprint, ...] = OURS,
) -> Negotiation:
    first, second = (End(Protection(mode), each) for mode, each in zip((near, far), transports, strict=True))
    return Negotiation((first, second), Mint(b"a secret for tests only"), fingerprints)


def test_who_has_a_part_in_it() -> None:
    modes = [(one, other) for one in MediaSecurity for other in MediaSecurity]
    assert [each for each in modes if not translates(*map(Protection, each))] == [(PASS, PASS)]


OFFERS = {"plain": None, "sdes": KEYED, "dtls": CERTIFIED}
TAKEN = {PASS: "plain", NONE: "plain", SDES: "sdes", DTLS: "dtls", OPTIONAL: "plain sdes dtls"}


@pytest.mark.parametrize("mode", MediaSecurity)
@pytest.mark.parametrize("offer", OFFERS)
def test_what_is_taken_where(mode: MediaSecurity, offer: str) -> None:
    agreed = negotiation(mode, NONE)
    if offer not in TAKEN[mode]:
        with pytest.raises(Refused) as no:
            agreed.offer(BARE, 0, OFFERS[offer], settled=False)
        assert no.value.cause is Cause.SECURITY and no.value.counted
        return
    first, second = agreed.offer(BARE, 0, OFFERS[offer], settled=False)
    assert first.way is Way(offer) and second.told is None and first.owed and not second.owed
    assert (first.force is None) == (offer == "plain")


@pytest.mark.parametrize(
    ("mode", "transport", "way"),
    [
        (PASS, "tls", Way.PLAIN),
        (NONE, "tls", Way.PLAIN),
        (SDES, "tls", Way.SDES),
        (SDES, "wss", Way.SDES),
        (DTLS, "udp", Way.DTLS),
        (OPTIONAL, "tls", Way.SDES),
        (OPTIONAL, "udp", Way.PLAIN),
        (OPTIONAL, "wss", Way.DTLS),
        (OPTIONAL, "ws", Way.DTLS),
    ],
)
def test_what_is_offered_where(mode: MediaSecurity, transport: str, way: Way) -> None:
    _, asked = negotiation(NONE, mode, ("udp", transport)).offer(BARE, 0, None, settled=False)
    assert asked.way is way
    assert {Way.PLAIN: asked.told is None, Way.SDES: bool(asked.told and asked.told.keys)}.get(way, True)
    if way is Way.SDES and asked.told is not None:
        assert [key.suite for key in asked.told.keys] == list(SUITES)
        assert [key.tag for key in asked.told.keys] == list(range(1, len(SUITES) + 1))
        assert all(len(key.secret) == SUITES[key.suite].secret for key in asked.told.keys)
        assert asked.told.best_effort is (mode is OPTIONAL)


@pytest.mark.parametrize(("mode", "transport", "ours"), [(SDES, "udp", OURS), (DTLS, "tls", ())])
def test_what_cannot_be_offered_is_not(mode: MediaSecurity, transport: str, ours: tuple[Fingerprint, ...]) -> None:
    with pytest.raises(Refused):
        negotiation(NONE, mode, ("udp", transport), ours).offer(BARE, 0, None, settled=False)


def test_the_table_of_parts_in_dtls() -> None:
    agreed = negotiation(DTLS, NONE)
    for offered, answered, client in (
        ("actpass", "passive", False),
        ("active", "passive", False),
        ("", "passive", False),
        ("passive", "active", True),
    ):
        first, _ = agreed.offer(BARE, 0, attrs.evolve(CERTIFIED, setup=offered), settled=False)
        assert first.told is not None and first.told.setup == answered
        assert first.force is not None and first.force.dtls == Dtls(client, CERTIFIED.fingerprints)


def test_keys_of_dtls_go_on_while_the_association_does() -> None:
    agreed = negotiation(DTLS, NONE)
    wards = agreed.answer(agreed.offer(BARE, 0, CERTIFIED, settled=False), 1, None)
    force = wards[0].force
    assert force is not None and not force.keyed
    keyed = attrs.evolve(force, receive=KEY, send=attrs.evolve(KEY, secret=b"s" * 30))
    wards = (attrs.evolve(wards[0], force=keyed), wards[1])
    again = agreed.answer(agreed.offer(wards, 0, CERTIFIED, settled=True), 1, None)
    assert again[0].force == keyed
    restarted = attrs.evolve(CERTIFIED, ice=Ice("anew", "t" * 22))
    other = agreed.answer(agreed.offer(again, 0, restarted, settled=True), 1, None)
    assert other[0].force is not None and other[0].force.keyed and other[0].force.ice != keyed.ice
    forged = attrs.evolve(restarted, fingerprints=OURS)
    other = agreed.answer(agreed.offer(other, 0, forged, settled=True), 1, None)
    assert other[0].force is not None and not other[0].force.keyed, "another certificate, another association"


def test_a_key_of_ours_that_was_in_force_does_not_come_again() -> None:
    """Nobody would know how far it was used: its first packets would give each other away."""
    agreed, used, wards = negotiation(SDES, NONE), set[bytes](), BARE
    for name, suite in enumerate(["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"] * 3):
        theirs = attrs.evolve(KEYED, keys=(Key(suite, bytes((name,)) * SUITES[suite].secret),))
        wards = agreed.answer(agreed.offer(wards, 0, theirs, settled=True), 1, None)
        force = wards[0].force
        assert force is not None and force.send is not None and force.send.secret not in used
        used.add(force.send.secret)
    same = agreed.answer(agreed.offer(wards, 0, theirs, settled=True), 1, None)[0].force
    assert same is not None and same.send == force.send, "one that stays does"


def test_of_a_key_that_stays_is_known_how_far_it_was_used_and_of_another_nothing() -> None:
    agreed = negotiation(SDES, NONE)
    wards = agreed.answer(agreed.offer(BARE, 0, KEYED, settled=True), 1, None)
    assert wards[0].force is not None
    far = attrs.evolve(wards[0].force, rollover=((0, 1, 2, 3), (1, 4, 5, 6)), begins=7)
    wards = attrs.evolve(wards[0], force=far), wards[1]
    assert agreed.answer(agreed.offer(wards, 0, KEYED, settled=True), 1, None)[0].force == far
    other = attrs.evolve(KEYED, keys=(attrs.evolve(KEYED.keys[0], secret=b"o" * 30),))
    force = agreed.answer(agreed.offer(wards, 0, other, settled=True), 1, None)[0].force
    assert force is not None and force.rollover == ((1, 4, 5, 6),) and force.begins == 7


def test_what_is_put_back_knows_what_came_meanwhile() -> None:
    agreed = negotiation(SDES, NONE)
    before = agreed.answer(agreed.offer(BARE, 0, KEYED, settled=True), 1, None)
    assert before[0].force is not None
    rows = ((0, 1, 2, 3), (1, 4, 5, 6))
    now = attrs.evolve(before[0], force=attrs.evolve(before[0].force, rollover=rows, begins=9)), before[1]
    again = put_back(before, now)
    assert again is not None and again[0].force == now[0].force
    certified = negotiation(DTLS, NONE)
    first = certified.answer(certified.offer(BARE, 0, CERTIFIED, settled=False), 1, None)
    assert first[0].force is not None
    keyed = attrs.evolve(first[0].force, receive=KEY, send=attrs.evolve(KEY, secret=b"s" * 30), rollover=rows)
    again = put_back(first, (attrs.evolve(first[0], force=keyed), first[1]))
    assert again is not None and again[0].force == keyed, "the handshake was made while an offer was open"
    other = attrs.evolve(first[0].force, dtls=Dtls(True, OURS))
    again = put_back((attrs.evolve(first[0], force=other), first[1]), (attrs.evolve(first[0], force=keyed), first[1]))
    assert again is not None and again[0].force is not None and not again[0].force.keyed, "those are another's keys"
    assert put_back(None, before) is None and put_back(BARE, None) == BARE


def test_what_is_owed_is_told_by_the_next_word_of_the_other() -> None:
    agreed = negotiation(SDES, NONE)
    wards = agreed.offer(BARE, 0, KEYED, settled=False)
    told = wards[0].told
    assert told is not None and told.keys[0].tag == 5 and told.keys[0].secret != KEY.secret
    wards = agreed.answer(wards, 1, None)
    assert wards[0].told == told and not wards[0].owed
    assert wards[0].force == SideSecurity(KEY, told.keys[0])


def test_an_answer_of_plain_where_that_was_left_open() -> None:
    agreed = negotiation(NONE, OPTIONAL)
    wards = agreed.answer(agreed.offer(BARE, 0, None, settled=False), 1, None)
    assert wards[1].way is Way.PLAIN and wards[1].force is None
    assert agreed.offer(wards, 0, None, settled=True)[1].told is None, "it has shown that it knows nothing of keys"


def test_nothing_passes_where_an_answer_is_of_what_was_not_offered() -> None:
    """A stream that comes with the answer: voice in the place of a fax that was offered."""
    for mode in (SDES, DTLS):
        asker, _ = negotiation(mode, NONE).answer(BARE, 1, None)
        assert asker.force == SideSecurity(), mode
    assert negotiation(NONE, NONE).answer(BARE, 1, None)[0].force is None


@pytest.mark.parametrize("far", [SDES, DTLS])
def test_who_is_asked_instead_has_nothing_of_what_the_first_was_told(far: MediaSecurity) -> None:
    """Also of a stream that is there: what the engine has of its side is that of who is asked now."""
    made = negotiation(SDES, far)
    first = made.offer(BARE, 0, KEYED, settled=False)
    second = made.offer(elsewhere(first, 1) or BARE, 0, KEYED, settled=True)
    assert second[0] == first[0], "who asks is told what it was"
    one, other = first[1].told, second[1].told
    assert one is not None and other is not None
    assert {key.secret for key in one.keys}.isdisjoint(key.secret for key in other.keys)
    if far is DTLS:
        assert one.ice != other.ice and second[1].force == SideSecurity(dtls=Dtls(False), ice=IcePair(other.ice))
    else:
        assert second[1].force == SideSecurity() and set(second[1].spent) == set(first[1].keys)
    assert elsewhere(None, 1) is None


def test_which_sides_are_laid_bare() -> None:
    agreed = negotiation(OPTIONAL, NONE)
    offered = agreed.offer(BARE, 0, KEYED, settled=False)
    wards = agreed.answer(offered, 1, None)
    plain = agreed.offer(wards, 0, None, settled=True)
    assert laid_bare(wards, plain) == (), "an offer changes nothing yet"
    assert laid_bare(wards, agreed.answer(plain, 1, None)) == (0,)
    assert laid_bare(None, wards) == laid_bare(wards, None) == laid_bare(wards, wards) == ()
    asked = negotiation(NONE, OPTIONAL).offer(BARE, 0, None, settled=False)
    unkeyed = negotiation(NONE, OPTIONAL).answer(asked, 1, None)
    assert laid_bare(asked, unkeyed) == (), "who answers plain at once was never secured"


@pytest.mark.parametrize("whose", [0, 1])
def test_a_key_of_ours_is_nobody_elses(whose: int) -> None:
    agreed = negotiation(SDES, SDES)
    wards = agreed.answer(agreed.offer(BARE, 0, KEYED, settled=False), 1, attrs.evolve(KEYED, keys=(SAID,)))
    ours = attrs.evolve(next(key for key in wards[whose].keys if key.suite == KEY.suite), tag=1)
    with pytest.raises(Refused) as no:
        agreed.offer(wards, 0, attrs.evolve(KEYED, keys=(ours,)), settled=True)
    assert no.value.counted == "own-key"
    first, _ = agreed.offer(wards, 0, attrs.evolve(KEYED, keys=(ours, KEY)), settled=True)
    assert first.said is not None and first.said.keys == (KEY,), "another that is said beside it counts"
    asked = agreed.offer(wards, 0, KEYED, settled=True)
    with pytest.raises(Refused):
        agreed.answer(asked, 1, attrs.evolve(KEYED, keys=(ours,)))


def test_where_plain_is_left_open_a_key_of_ours_is_none_at_all() -> None:
    agreed = negotiation(OPTIONAL, NONE)
    wards = agreed.answer(agreed.offer(BARE, 0, KEYED, settled=False), 1, None)
    said = Secured(keys=wards[0].keys, best_effort=True)
    first, _ = agreed.offer(wards, 0, said, settled=True)
    assert first.way is Way.PLAIN and first.told is None


def test_rtcp_that_goes_apart_has_a_handshake_of_its_own() -> None:
    """RFC 5764 section 4.1, as the answer says; another word on that alone leaves the keys of RTP."""
    apart = attrs.evolve(CERTIFIED, mux=False)
    agree = negotiation(DTLS, NONE)
    wards = agree.answer(agree.offer(BARE, 0, apart, settled=False), 1, None)
    force = wards[0].force
    assert wards[0].told is not None and not wards[0].told.mux
    assert force is not None and force.rtcp == OwnRtcp()
    keyed = attrs.evolve(force, receive=KEY, send=SAID, rtcp=OwnRtcp(SAID, KEY), rollover=((0, 7, 8, 9), (3, 7, 8, 9)))
    wards = attrs.evolve(wards[0], force=keyed), wards[1]
    again = agree.answer(agree.offer(wards, 0, apart, settled=True), 1, None)
    assert again[0].force == keyed
    together = agree.answer(agree.offer(wards, 0, CERTIFIED, settled=True), 1, None)
    assert together[0].force == attrs.evolve(keyed, rtcp=None, rollover=((0, 7, 8, 9),))
    asked = negotiation(NONE, DTLS)
    offered = asked.offer(BARE, 0, None, settled=False)
    for mux, own in ((True, None), (False, OwnRtcp())):
        answer = attrs.evolve(CERTIFIED, setup="active", mux=mux)
        force = asked.answer(offered, 1, answer)[1].force
        assert force is not None and force.rtcp == own


def test_a_key_of_ours_that_has_given_way_is_nobody_elses_either() -> None:
    """Whoever has heard what we said by it could say it back to us."""
    agreed, wards, ours = negotiation(SDES, SDES), BARE, list[Key]()
    for n, suite in enumerate(["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"] * 2):
        theirs = attrs.evolve(KEYED, keys=(Key(suite, bytes((n,)) * SUITES[suite].secret),))
        wards = agreed.answer(agreed.offer(wards, 0, theirs, settled=True), 1, attrs.evolve(KEYED, keys=(SAID,)))
        force = wards[0].force
        assert force is not None and force.send is not None
        ours.append(force.send)
    for key in ours:
        for side in (0, 1):
            with pytest.raises(Refused) as no:
                agreed.offer(wards, side, attrs.evolve(KEYED, keys=(key,)), settled=True)
            assert no.value.counted == "own-key"
    assert all(key.secret.hex() not in repr(wards) and repr(key.secret) not in repr(wards) for key in ours)


@pytest.mark.parametrize("feedback", [False, True])
@pytest.mark.parametrize("best_effort", [False, True])
def test_who_has_shaken_hands_is_offered_the_profile_that_it_speaks(feedback: bool, best_effort: bool) -> None:
    agreed = negotiation(OPTIONAL, NONE)
    said = attrs.evolve(CERTIFIED, feedback=feedback, best_effort=best_effort, demands=not best_effort)
    wards = agreed.answer(agreed.offer(BARE, 0, said, settled=False), 1, None)
    told = agreed.offer(wards, 1, None, settled=True)[0].told
    assert told is not None and told.fingerprints and told.setup == "actpass"
    assert (told.feedback, told.best_effort) == (feedback, best_effort)
