"""What a message's addresses become on the other side: media, places, identities, and what is undone again."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.address import Address, Pair
from sbc.core.call import Stream
from sbc.core.orders import OpenStream
from sbc.core.realm import Hosts
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_CORE, SOFTSWITCH, Rig, make_plan, of, sends
from tests.toy import ToyDialect
from tests.toy_calls import Talk, answered, bound, opened, read, to_access, to_core, toy_rig
from tests.toy_records import (
    CHANGE,
    NEVER,
    PROVISIONAL,
    SUCCESS,
    TELL,
    Media,
    Record,
    answer,
    audio,
    from_other,
    granted,
    inside,
    opening,
    place,
    unpacked,
)


def media_in(data: bytes) -> list[tuple[Address, Address]]:
    """RTP and RTCP addresses of each entry."""
    (record,) = read([data])
    return [(unpacked(media.rtp), unpacked(media.rtcp)) for media in record.media]


def reoffer(talk: Talk, *media: Media, exchange: int = 4) -> bytes:
    """Another offer of the phone; returns it as it went on."""
    data = inside(talk.asked, talk.back, CHANGE, exchange, media=media).pack()
    *_, sent = sends(talk.rig.from_access(data), "core")
    return sent


def reply(talk: Talk, sent: bytes, *media: Media, stage: int = SUCCESS) -> list[object]:
    return list(talk.rig.from_core(answer(sent, SOFTSWITCH.host, stage, media=media).pack()))


def pairs(talk: Talk) -> dict[tuple[object, str], list[Pair | None]]:
    return {key: list(stream.remote) for key, stream in talk.call.streams.items()}


# -- media


def test_places_are_named_for_the_other_side_and_named_the_same_again() -> None:
    talk = answered()
    (loaded,) = [text for text, _ in read([talk.sent])[0].places]
    assert loaded.startswith(b"198.51.100.1 5060 ")
    sent = reoffer(talk, audio(PHONE.host))
    change = inside(talk.asked, talk.back, CHANGE, 5, places=((place(*PHONE, "alice"), NEVER),))
    (again,) = sends(talk.rig.from_access(change.pack()), "core")
    assert read([again])[0].places[0][0] == loaded
    assert not read([sent])[0].places


def test_a_place_that_somebody_else_is_at_may_keep_its_domain_name() -> None:
    talk = answered()
    told = inside(talk.asked, talk.back, TELL, 5).but(
        places=((b"far.example.org 5060 dan", 30), (b"192.168.1.99 5060 eve", 30))
    )
    (sent,) = sends(talk.rig.from_access(told.pack()), "core")
    domain, literal = (text for text, _ in read([sent])[0].places)
    assert domain == b"far.example.org 5060 dan"
    assert literal.startswith(b"198.51.100.1 5060 ")
    assert talk.call.legs[0].latest is not None and talk.call.legs[0].latest.address == PHONE


def test_a_place_of_ours_that_comes_back_is_the_place_again() -> None:
    talk = answered()
    theirs = read([talk.back])[0].places[0][0]
    told = inside(talk.asked, talk.back, TELL, 5, places=((theirs, 30),))
    (sent,) = sends(talk.rig.from_access(told.pack()), "core")
    assert read([sent])[0].places[0][0] == place(SOFTSWITCH.host, 5060, "bob")


def test_a_name_of_ours_that_means_nothing_is_the_other_peer() -> None:
    talk = answered()
    told = inside(talk.asked, talk.back, TELL, 5, places=((b"203.0.113.1 5060 nobody", 30),))
    (sent,) = sends(talk.rig.from_access(told.pack()), "core")
    assert read([sent])[0].places[0][0] == b"198.51.100.2 5060 nobody"


def test_a_terminal_is_told_its_own_bindings_and_no_other_terminals() -> None:
    rig = toy_rig()
    mine = bound(rig)
    theirs = bound(rig, Address("192.168.1.11", 5060), Address("203.0.113.66", 5060), exchange=5)
    query = Record(4, sender=7, call=bytes(10), exchange=bytes(9) + b"\x08", user=b"alice", target=b"sbc.example.com 1")
    (sent,) = sends(rig.from_access(query.pack()), "core")
    everything = granted(sent).but(places=((mine, 30), (theirs, 30)))
    (back,) = sends(rig.from_core(everything.pack()), "access")
    own, other = (text for text, _ in read([back])[0].places)
    assert own == place(*PHONE, "alice")
    assert other.startswith(b"203.0.113.1 5060 ")
    assert_no_trace(back, "192.168.1.11", "203.0.113.66")


@pytest.mark.parametrize(
    ("hosts", "identity", "becomes"),
    [
        (Hosts.KEEP, b"192.168.1.10", b"192.168.1.10"),
        (Hosts.ADDRESSES, b"192.168.1.10", b"198.51.100.1"),
        (Hosts.ADDRESSES, b"home.example.net", b"home.example.net"),
        (Hosts.ALL, b"home.example.net", b"198.51.100.1"),
        (Hosts.KEEP, b"sbc.example.com", b"198.51.100.2"),
        (Hosts.KEEP, b"203.0.113.1", b"198.51.100.2"),
    ],
)
def test_identities(hosts: Hosts, identity: bytes, becomes: bytes) -> None:
    talk = opened(toy_rig(hosts=hosts), opening(PHONE).but(identity=identity))
    assert read([talk.sent])[0].identity == becomes


def test_where_terminals_call_us_the_core_is_called_by_its_domain() -> None:
    talk = opened(toy_rig(domain="voice.example"), opening(PHONE).but(identity=b"sbc.example.com"))
    (record,) = read([talk.sent])
    assert (record.identity, record.target) == (b"voice.example", b"voice.example 5060 bob")
    (told,) = sends(talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, identity=b"198.51.100.1").pack()), "access")
    assert read([told])[0].identity == NAT.host.encode()


def test_what_must_not_leak_is_overwritten() -> None:
    talk = opened()
    assert unpacked(read([talk.sent])[0].believed) == SBC_CORE


def test_answers_by_other_parties_before_the_first_success_move_the_stream() -> None:
    talk = opened()
    for number, party in enumerate((10, 11)):
        early = answer(
            talk.sent, SOFTSWITCH.host, PROVISIONAL, party, media=(audio(SOFTSWITCH.host, 4100 + number * 2),)
        )
        talk.rig.from_core(early.pack())
        remote = pairs(talk)[0, "rtp"][1]
        assert remote is not None and remote.rtp.port == 4100 + number * 2
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, SUCCESS, 10).pack())
    remote = pairs(talk)[0, "rtp"][1]
    assert remote is not None and remote.rtp.port == 4000


# -- where to send


def test_requests_within_a_call_go_where_the_peer_said_last() -> None:
    talk = answered()
    moved = from_other(talk.sent, talk.said, CHANGE, places=((place("198.51.100.44", 5060, "bob"), NEVER),))
    (asked,) = to_access(talk.rig.from_core(moved.pack()))
    (place_here,) = [text for text, _ in read([asked.data])[0].places]
    (send,) = to_core(talk.rig.from_access(inside(talk.asked, talk.back, TELL, 7, target=place_here).pack()))
    assert send.to == Address("198.51.100.44", 5060)
    # and without a place it knows, to the latest
    bare = inside(talk.asked, talk.back, TELL, 8, target=b"203.0.113.1 5060 bob")
    (send,) = to_core(talk.rig.from_access(bare.pack()))
    assert send.to == Address("198.51.100.44", 5060)


def test_two_realms_may_use_the_same_private_addresses() -> None:
    """Two access realms with one address plan: what is in one says nothing about the other."""
    plan = make_plan("toy")
    first = plan.realms["access"]
    own = attrs.evolve(first.listeners[0], realm="second", address=Address("203.0.113.2", 5060))
    media = attrs.evolve(first.media, ports=range(22000, 22010))
    second = attrs.evolve(first, name="second", listeners=(own,), media=media)
    paths = (*plan.paths, attrs.evolve(plan.paths[0], name="other", access="second"))
    rig = Rig.make(ToyDialect(), attrs.evolve(plan, realms={**plan.realms, "second": second}, paths=paths))
    bound(rig)
    rig.from_access(opening(PHONE, exchange=2).pack())
    from sbc.core.registry import Arrival

    orders = rig._take(rig.border.receive(Arrival(own, NAT, opening(PHONE, exchange=2).pack(), rig.now)))
    assert len(to_core(orders)) == 1 and len(rig.border.registry.calls) == 2
    assert of(OpenStream, orders)[0].spec.sides[0].local.rtp == Address(first.media.address, 22000)


def test_a_stream_tells_its_engine_all_it_needs() -> None:
    talk = answered()
    (stream,) = talk.call.streams.values()
    assert isinstance(stream, Stream)
    side = stream.side(talk.call, 0)
    assert (side.realm, side.seen_host, side.window, side.behind_nat) == ("access", NAT.host, 3.0, True)
    assert stream.spec(talk.call).sides == (side, stream.side(talk.call, 1))


def test_a_stream_that_one_branch_turned_down_and_another_took_stays() -> None:
    two = (audio(PHONE.host), audio(PHONE.host, 4100, key=1))
    talk = opened(record=opening(PHONE).but(media=two))
    declined = (audio(SOFTSWITCH.host), audio(SOFTSWITCH.host, 0, key=1))
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, PROVISIONAL, 10, media=declined).pack())
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, SUCCESS, 11).pack())
    assert set(talk.call.streams) == {(0, "rtp"), (1, "rtp")}


def test_an_offer_of_nothing_but_a_closed_stream_closes_it() -> None:
    talk = answered()
    sent = reoffer(talk, audio(PHONE.host, 0))
    reply(talk, sent, audio(SOFTSWITCH.host, 0))
    assert not talk.call.streams and not talk.rig.open_streams


def test_one_message_does_not_close_what_it_opens() -> None:
    talk = opened(record=opening(PHONE).but(media=(audio(PHONE.host), audio(PHONE.host, 0))))
    both = (audio(SOFTSWITCH.host), audio(SOFTSWITCH.host, 0))
    talk.rig.from_core(answer(talk.sent, SOFTSWITCH.host, media=both).pack())
    assert set(talk.call.streams) == {(0, "rtp")}
