"""The text of `call(id)`: everything is in it, and nothing a peer wrote breaks it."""

from __future__ import annotations

import re
from typing import Any

import attrs

from sbc.admin.report import MOST_PARTIES, call_text
from sbc.media.counters import Quality
from tests.admin.desk import open_desk


def test_both_legs_and_every_stream_are_told() -> None:
    with open_desk() as desk:
        call = desk.call()
        desk.talk(call, there=5, back=3)
        (stream,) = desk.border.registry.calls[call].streams.values()
        lines = repr(desk.console.call(call)).splitlines()
    text = [line.strip() for line in lines]
    assert lines[0] == f"call {call}: up, sip, path main"
    assert re.fullmatch(r"opened \S+ ago, answered after \S+", text[1])
    assert "user   alice@sbc.example.com" in text
    assert "target sip:bob@sbc.example.com" in text
    assert text.index("leg 0 in access") < text.index("leg 1 in core")
    assert f"listener   {desk.access}" in text
    assert f"seen       {desk.phone.address}" in text
    assert "behind NAT yes" in text and "behind NAT no" in text
    assert "label      one@192.168.1.10" in text
    assert f"stream {stream.id}, rtp, forwarded by twisted (learning)" in text
    assert f"ours      {stream.ours[0].rtp} and {stream.ours[0].rtcp}" in text
    assert "signalled 192.168.1.10:4000 and 192.168.1.10:4001" in text
    assert any(line.startswith(f"RTP to    {desk.phone.address.host}:50000 (") for line in text)
    assert "RTCP to   192.168.1.10:4001 (not latched)" in text
    assert text.count("received  5 packets, 860 octets; RTCP 0 packets, 0 octets") == 1
    assert text.count("sent      5 packets, 860 octets; RTCP 0 packets, 0 octets") == 1
    assert text.count("dropped   0") == 2


def details(quality: Any = None, **changes: Any) -> dict[str, Any]:
    leg = {
        "realm": "access",
        "seen": "192.0.2.1:5060",
        "label": "x",
        "listener": "sip/udp 192.0.2.9:5060 (access)",
        "behind_nat": False,
        "latest": None,
        "parties": [],
    }
    volume = {"packets": 0, "octets": 0}
    side = {
        "realm": "access",
        "ours": {"rtp": "192.0.2.9:20000", "rtcp": None},
        "signalled": None,
        "rtp": None,
        "rtp_reason": "",
        "rtcp": None,
        "rtcp_reason": "",
        "mux": True,
        "held": True,
        "refused": {"not the signalled source": 3},
        "security": "sdes AEAD_AES_128_GCM",
        "marks": {"sent": "ef/5", "incoming": "keep"},
        "received": {"rtp": volume, "rtcp": volume},
        "sent": {"rtp": volume, "rtcp": volume},
        "drops": {"wrong_source": 3, "kernel": 1},
        "quality": quality,
    }
    stream = {"id": "c/1", "kind": "t38", "open": False, "engine": None, "engine_why": "", "sides": [side, side]}
    values: dict[str, Any] = {
        "id": "c",
        "state": "opening",
        "dialect": "sip",
        "path": "main",
        "age": 61.0,
        "answered_after": None,
        "user": "",
        "target": "",
        "cause": "",
        "session": None,
        "legs": [leg, leg],
        "media": [stream],
    }
    return {**values, **changes}


def test_how_long_the_session_lasts() -> None:
    agreed = {"ends_in": 61.0, "asks_in": None, "asking": 0}
    assert "session to be refreshed within 1m01s" in call_text(details(session=agreed))
    waits = {"ends_in": None, "asks_in": 3601.0, "asking": 0}
    assert "session parties are asked in 1h00m" in call_text(details(session=waits))
    asked = {"ends_in": None, "asks_in": None, "asking": 2}
    assert "session asking 2 of its parties" in call_text(details(session=asked))
    assert "session" not in call_text(details())


def test_what_is_wrong_or_unusual_stands_out() -> None:
    text = call_text(details())
    assert "opened 1m01s ago, not answered" in text
    assert "stream c/1, t38, NOT OPEN in the engine" in text
    assert "side 0 in access, RTCP on the RTP port, on hold" in text
    assert "ours      192.0.2.9:20000\n" in text and "secured   sdes AEAD_AES_128_GCM\n" in text
    assert "RTCP to" not in text  # T.38 has none
    assert "dropped   3 wrong_source, 1 kernel" in text
    assert "refused   3 not the signalled source" in text
    assert "marked    ef/5; incoming: keep\n" in text


def test_who_forwards_a_stream_is_said_and_what_keeps_it_from_the_kernel() -> None:
    (stream,) = details()["media"]
    by = {**stream, "open": True, "engine": "native", "engine_why": "held"}
    assert "stream c/1, t38, forwarded by native (held)\n" in call_text(details(media=[by]))
    by["engine_why"] = ""
    assert "stream c/1, t38, forwarded by native\n" in call_text(details(media=[by]))


def test_no_streams_are_said() -> None:
    assert call_text(details(media=[])).endswith("\n  no streams")


def test_routes_of_many_parties_are_cut() -> None:
    parties = [{"party": f"tag-{number}", "hops": ["<sip:198.51.100.2;lr>"]} for number in range(MOST_PARTIES + 5)]
    leg = {**details()["legs"][0], "parties": parties}
    text = call_text(details(legs=[leg, details()["legs"][1]]))
    assert "route      tag-0 by <sip:198.51.100.2;lr>" in text
    assert f"tag-{MOST_PARTIES}" not in text
    assert "... and 5 more" in text


def test_what_a_peer_wrote_cannot_begin_a_line() -> None:
    text = call_text(details(user="x\ncall y: up", cause="\x1b[2J", media=[]))
    assert len(text.splitlines()) == len(call_text(details(media=[])).splitlines())
    assert "\x1b" not in text


def test_how_well_media_comes() -> None:
    known = attrs.asdict(Quality(400, 10, 2.04, 61.26, 3.9, 11.0, 1, 3, 7))
    assert (
        "quality   MOS 3.90; 10 of 400 lost (2.50 %); 3 late; 1 duplicates; jitter 2.0 ms, 11.0 at most;"
        " round trip 61.3 ms; misses 7 of what was sent to it\n"
    ) in call_text(details(known)) + "\n"
    assert "quality   0 of 40 lost (0.00 %)\n" in call_text(details(attrs.asdict(Quality(40)))) + "\n"
    assert "quality" not in call_text(details())
