"""One record of one call, from the orders that tell of it."""

from __future__ import annotations

import json
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from sbc.core.address import Address
from sbc.core.orders import Record
from sbc.core.secured import Bundled, Dtls, Key, SideSecurity
from sbc.ledger.record import LONGEST, MOST_CHANGES, MOST_MOVES, MOST_STREAMS, CallRecord, cut_short
from sbc.media.counters import Quality, SideCounters, StreamCounters, Volume
from tests.ledger.facts import answered, at, begun, carried, leg, over, rang, record_of, side, stream


def none(_: str) -> StreamCounters:
    raise AssertionError("no stream is live")


def test_a_whole_call() -> None:
    made = CallRecord("boot-c1", begun(), at(0))
    made.heard(rang(), at(1.5))
    made.opened(stream())
    assert not made.updated("c1/1", 1, side("core", 30000, "audio PCMU/8000", "198.51.100.2"), at(2), none)
    made.heard(answered(), at(4))
    made.latched("c1/1", 0, Address("203.0.113.11", 16384))
    made.closed("c1/1", carried(dropped=7))
    made.heard(over(cause="Q.850;cause=16"), at(64.25))
    record = made.snapshot(at(99), none)
    assert record | {"legs": [], "streams": []} == {
        "record": "boot-c1",
        "version": 1,
        "id": "c1",
        "complete": True,
        "path": "main",
        "protocol": "sip",
        "method": "INVITE",
        "start": "2026-11-23T16:00:00.000Z",
        "ring": "2026-11-23T16:00:01.500Z",
        "answer": "2026-11-23T16:00:04.000Z",
        "end": "2026-11-23T16:01:04.250Z",
        "known": "2026-11-23T16:01:04.250Z",
        "resumed": 0,
        "setup": 4.0,
        "duration": 60.25,
        "held": 0.0,
        "ending": "normal",
        "ended_by": "caller",
        "cause": "Q.850;cause=16",
        "caller": "alice@example.com",
        "callee": "bob@example.com",
        "called": "sip:bob@example.com",
        "terminal": {"realm": "access", "user": "alice@example.com", "registered": True},
        "mos": 4.2,
        "legs": [],
        "streams": [],
        "more_streams": None,
    }
    assert record["legs"] == [leg("access"), leg("core", behind_nat=False, claimed="198.51.100.2:5060")]
    (only,) = record["streams"]
    assert (only["stream"], only["kind"], only["codecs"]) == ("c1/1", "audio", ["PCMU/8000"])
    assert only["changes"] == []
    near, far = only["sides"]
    assert near == {
        "realm": "access",
        "assigned": {"rtp": "203.0.113.1:20000", "rtcp": "203.0.113.1:20001"},
        "signalled": {"rtp": "192.168.1.10:4000", "rtcp": "192.168.1.10:4001"},
        "latched": "203.0.113.11:16384",
        "security": "none",
        "downgraded": None,
        "carrier": None,
        "received": {
            "rtp": {"packets": 100, "octets": 17200, "ip_octets": 20000},
            "rtcp": {"packets": 1, "octets": 60, "ip_octets": 88},
        },
        "sent": {
            "rtp": {"packets": 50, "octets": 8600, "ip_octets": 10000},
            "rtcp": {"packets": 1, "octets": 60, "ip_octets": 88},
        },
        "drops": {"wrong_source": 7},
        "quality": {
            "expected": 102,
            "lost": 2,
            "jitter": 1.5,
            "rtt": 40.0,
            "mos": 4.2,
            "jitter_max": 4.0,
            "duplicates": 1,
            "late": 3,
            "missed": None,
        },
    }
    assert far["signalled"] == {"rtp": "198.51.100.2:4000", "rtcp": "198.51.100.2:4001"}
    assert far["latched"] is None and far["received"]["rtp"]["packets"] == 50 and far["drops"] == {}
    assert far["quality"] is None


def test_what_each_codec_has_carried_is_told_when_another_flows() -> None:
    made = CallRecord("k", begun(), at(0))
    made.opened(stream(media="audio PCMU/8000 telephone-event/8000"))
    core = "198.51.100.2"
    assert not made.updated("c1/1", 1, side("core", 30000, "audio PCMU/8000", core), at(1), none)
    assert not made.updated("c1/1", 0, side("access", 20000, "audio G729/8000", "192.168.1.10"), at(8), none)
    assert made.updated("c1/1", 1, side("core", 30000, "audio G729/8000", core), at(9), lambda _: carried(100))
    assert not made.updated("c1/1", 1, side("core", 30000, "audio G729/8000", core), at(10), none)
    before = made.snapshot(at(11), lambda _: carried(120))
    (only,) = before["streams"]
    (change,) = only["changes"]
    assert (only["codecs"], change["codecs"]) == (["G729/8000"], ["PCMU/8000"])
    assert change["until"] == str(at(9)) and change["sides"][0].keys() == {"received", "sent"}
    assert change["sides"][0]["received"]["rtp"] == {"packets": 100, "octets": 17200, "ip_octets": 20000}

    again = CallRecord("k2", begun(), at(12))  # after a restart
    again.go_on(before, at(12))
    again.opened(stream(media="audio G729/8000"))
    again.updated("c1/1", 1, side("core", 30000, "audio G729/8000", core), at(13), none)
    for second in range(MOST_CHANGES + 3):
        media = ("audio PCMA/8000", "audio G729/8000")[second % 2]
        again.updated("c1/1", 0, side("access", 20000, media, "192.168.1.10"), at(14), lambda _: carried(7))
        assert again.updated("c1/1", 1, side("core", 30000, media, core), at(14), lambda _: carried(7))
    (only,) = again.snapshot(at(20), lambda _: carried(7))["streams"]
    assert only["changes"][0] == change and len(only["changes"]) == MOST_CHANGES
    assert only["changes"][-1]["sides"][0]["received"]["rtp"]["packets"] == 127
    assert only["sides"][0]["received"]["rtp"]["ip_octets"] == 127 * 200


def test_when_media_that_was_secured_went_on_in_the_clear() -> None:
    plain = stream()
    secured = attrs.evolve(plain.sides[1], security=SideSecurity())
    made = CallRecord("k", begun(), at(0))
    made.opened(attrs.evolve(plain, sides=(plain.sides[0], secured)))
    made.updated("c1/1", 1, plain.sides[1], at(1), none)  # of those who ring one is answered
    made.updated("c1/1", 1, secured, at(2), none)
    made.heard(answered(), at(4))
    assert [each["downgraded"] for each in sides_of(made)] == [None, None]
    for second in (7, 9):
        made.updated("c1/1", 1, plain.sides[1], at(second), none)
        made.updated("c1/1", 1, secured, at(second + 1), none)
    assert [each["downgraded"] for each in sides_of(made)] == [None, str(at(7))]

    again = CallRecord("k2", begun(), at(12))  # after a restart
    again.go_on(made.snapshot(at(11), lambda _: carried()), at(12))
    again.opened(plain)
    assert [each["downgraded"] for each in sides_of(again)] == [None, str(at(7))]


def sides_of(made: CallRecord) -> list[dict[str, Any]]:
    (only,) = made.snapshot(at(99), lambda _: carried())["streams"]
    return list(only["sides"])


def test_the_score_of_a_call_is_that_of_its_worst_direction() -> None:
    made = CallRecord("k", begun(), at(0))
    for number, scores in enumerate([(4.1, 3.2), (None, 4.4), (None, None)]):
        made.opened(stream(number=number))
        first, second = (SideCounters(Volume(1, 172), quality=Quality(200, mos=score)) for score in scores)
        made.closed(f"c1/{number}", StreamCounters((first, second)))
    assert made.snapshot(at(9), none)["mos"] == 3.2
    assert CallRecord("k", begun(), at(0)).snapshot(at(9), none)["mos"] is None


def test_lengths_are_right_though_the_clock_is_set_in_between() -> None:
    made = CallRecord("k", begun(), at(0))
    made.heard(answered(), at(2, step=-3600))
    made.heard(over(), at(12, step=-3600))
    record = made.snapshot(at(12), none)
    assert (record["setup"], record["duration"]) == (2.0, 10.0)
    assert record["answer"] == "2026-11-23T15:00:02.000Z"


def test_a_call_nobody_answered_has_no_duration() -> None:
    made = CallRecord("k", begun(), at(0))
    made.heard(over(ending="busy", who="callee", cause="486 Busy Here"), at(3))
    record = made.snapshot(at(3), none)
    assert record["duration"] is None and record["answer"] is None and record["setup"] == 3.0
    assert (record["ending"], record["ended_by"], record["complete"]) == ("busy", "callee", True)


def test_for_how_long_a_call_was_on_hold() -> None:
    made = CallRecord("boot-c1", begun(), at(0))
    made.heard(answered(), at(4))
    for held, when in ((True, 10), (True, 12), (False, 15.5), (False, 20), (True, 30)):
        made.heard(Record("c1", "hold", {"held": held}), at(when))
    assert made.snapshot(at(32), none)["held"] == 7.5
    made.heard(over(), at(34))
    assert made.snapshot(at(99), none)["held"] == 9.5


def test_a_live_call_is_known_up_to_now_and_a_crash_leaves_it_at_that() -> None:
    made = CallRecord("k", begun(), at(0))
    made.heard(answered(), at(2))
    made.opened(stream())
    early = made.snapshot(at(30), lambda _: carried(10))
    late = made.snapshot(at(60), lambda _: carried(20))
    assert early["streams"][0]["sides"][0]["received"]["rtp"]["packets"] == 10
    assert (late["complete"], late["end"], late["known"], late["duration"]) == (
        False,
        None,
        "2026-11-23T16:01:00.000Z",
        58.0,
    )
    left = cut_short(early)
    assert (left["complete"], left["ending"], left["ended_by"], left["duration"]) == (False, "incomplete", None, 28.0)
    assert left["streams"] == early["streams"] and left["known"] == "2026-11-23T16:00:30.000Z"
    assert early["ending"] is None, "the snapshot itself stays as it was"


def test_only_the_first_ring_and_the_first_answer_count() -> None:
    made = CallRecord("k", begun(), at(0))
    for second in (1, 2):
        made.heard(rang(), at(second))
    for second in (3, 4):
        made.heard(answered(), at(second))
    record = made.snapshot(at(5), none)
    assert record["ring"].endswith("01.000Z") and record["answer"].endswith("03.000Z")


def test_no_volume_is_lost_by_a_call_that_opens_streams_without_end() -> None:
    made = CallRecord("k", begun(), at(0))
    for number in range(MOST_STREAMS + 50):
        made.opened(stream(number=number))
        made.closed(f"c1/{number}", carried(number, dropped=1))
    record = made.snapshot(at(1), none)
    assert len(record["streams"]) == MOST_STREAMS and record["more_streams"]["streams"] == 50
    received = [s["sides"][0]["received"]["rtp"]["packets"] for s in record["streams"]]
    more = record["more_streams"]["sides"][0]
    assert sum(received) + more["received"]["rtp"]["packets"] == sum(range(MOST_STREAMS + 50))
    assert more["drops"] == {"wrong_source": 50}


def test_a_stream_that_was_offered_in_vain_is_none_unless_something_came_by_it() -> None:
    made = CallRecord("k", begun(), at(0))
    for number in range(3):
        made.opened(stream(number=number))
    made.updated("c1/1", 1, side("core", 30000, remote="198.51.100.2"), at(1), none)
    made.closed("c1/0", carried(0, reports=0))
    made.closed("c1/1", carried(0, reports=0))
    made.closed("c1/2", carried(0, dropped=1, reports=0))
    assert [each["stream"] for each in made.snapshot(at(1), none)["streams"]] == ["c1/1", "c1/2"]


def test_what_is_said_of_unknown_streams_changes_nothing() -> None:
    made = CallRecord("k", begun(), at(0))
    made.updated("c1/9", 0, side("access", 20000), at(1), none)
    made.latched("c1/9", 0, Address("203.0.113.11", 1))
    made.closed("c1/9", carried())
    assert made.snapshot(at(1), none)["streams"] == []


@given(st.text(max_size=2 * LONGEST), st.text())
def test_whatever_peers_write_makes_one_line_of_bounded_length(name: str, cause: str) -> None:
    made = CallRecord("k", begun(caller=name, called=name * 3, callee=name), at(0))
    made.heard(over(cause=cause * 100), at(1))
    line = json.dumps(made.snapshot(at(1), none))
    assert "\n" not in line and "\r" not in line and line.isascii()
    assert len(line) < 4 * 12 * LONGEST + 4000
    assert json.loads(line)["caller"] == name[:LONGEST]


def test_the_key_stands_first() -> None:
    assert next(iter(record_of())) == "record"


def test_who_has_come_and_gone_stands_in_the_record_of_a_gateways_call_and_over_a_restart() -> None:
    made = CallRecord("boot-c1", begun(gateway=1), at(0))
    made.heard(Record("c1", "move", {"at": 1.0, "member": "rtp/1", "from": "c0"}), at(1))
    made.heard(Record("c1", "move", {"at": 2.0, "member": "rtp/1", "to": "c2"}), at(2))
    known = made.snapshot(at(3), none)
    assert known["moves"] == [
        {"at": "2026-11-23T16:00:01.000Z", "member": "rtp/1", "from": "c0"},
        {"at": "2026-11-23T16:00:02.000Z", "member": "rtp/1", "to": "c2"},
    ]
    again = CallRecord("boot-c1", begun(gateway=1), at(4))
    again.go_on(known, at(4))
    for _ in range(2 * MOST_MOVES):
        again.heard(Record("c1", "move", {"at": 5.0, "member": "rtp/2", "from": "c0"}), at(5))
    moves = again.snapshot(at(6), none)["moves"]
    assert moves[:2] == known["moves"] and len(moves) == MOST_MOVES
    assert "moves" not in CallRecord("boot-c1", begun(), at(0)).snapshot(at(1), none)


def test_a_stream_that_goes_by_anothers_transport_is_where_that_is() -> None:
    """Also where that comes after it, and is gone before it."""
    made, dtls, key = CallRecord("boot-c1", begun(), at(0)), Dtls(client=False), Key("AEAD_AES_128_GCM", bytes(28))
    made.heard(answered(), at(1))
    rider, carrier = stream(number=2, media="video VP8/90000"), stream()
    rides = attrs.evolve(side("access", 21000), security=SideSecurity(dtls=dtls, bundled=Bundled("c1/1", "1")))
    made.opened(attrs.evolve(rider, sides=(rides, side("core", 31000))))
    secured = attrs.evolve(carrier.sides[0], security=SideSecurity(key, key, dtls))
    made.opened(attrs.evolve(carrier, sides=(secured, carrier.sides[1])))
    made.latched("c1/1", 0, Address("203.0.113.11", 16384))
    made.closed("c1/1", carried())
    made.closed("c1/2", carried())
    first, second = ([each["sides"][n] for each in made.snapshot(at(9), none)["streams"]] for n in (0, 1))
    for name in ("security", "assigned", "signalled", "latched"):
        assert first[1][name] == first[0][name], name
    assert (first[0]["carrier"], first[1]["carrier"]) == (None, "c1/1")
    assert (first[1]["security"], first[1]["latched"]) == ("dtls AEAD_AES_128_GCM", "203.0.113.11:16384")
    assert second[1]["carrier"] is None and second[1]["assigned"]["rtp"] == "203.0.113.1:31000"
