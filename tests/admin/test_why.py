"""Why calls went as they did: calls of every kind, made with real sockets, and what is told of each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from sbc.admin.tables import No
from sbc.admin.why import side_text, why_text
from sbc.core.address import Address, Pair
from sbc.core.message import Ending
from sbc.core.orders import Latch, Shared, SideSpec
from sbc.media.interfaces import PortUnavailable
from tests.admin import scenes
from tests.admin.desk import PHONE, Desk, open_desk
from tests.sip_messages import invite, register


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


CHALLENGE = b'WWW-Authenticate: Digest realm="x", nonce="n"'


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        (lambda d: scenes.refused(d, b"486 Busy Here"), "SOFTSWITCH answered 486 Busy Here N ms after the INVITE"),
        (lambda d: scenes.refused(d, b"404 Not Found"), "SOFTSWITCH answered 404 Not Found N ms after the INVITE"),
        (lambda d: scenes.refused(d, b"503 Overload"), "SOFTSWITCH answered 503 Overload N ms after the INVITE"),
        (scenes.unanswered, "nothing came from SOFTSWITCH, to which the INVITE was sent 7 times"),
        (scenes.rang_out, "SOFTSWITCH rang, and nobody answered in 3m00s"),
        (scenes.cancelled, "no fault: the terminal (caller) gave up after N s, before anybody answered"),
        (
            lambda d: scenes.cancelled(d, rings=False),
            "nothing came from SOFTSWITCH, to which the INVITE was sent 7 times; the terminal gave up after N s",
        ),
        (scenes.without_ports, "the SBC refused the INVITE: no media ports left (in realm core)"),
        (scenes.hung_up, "no fault: the terminal (caller) hung up after 1m05s"),
        (lambda d: d.call(), "no fault: it is up for N s"),
        (lambda d: d.call(answered=False), "no fault: it waits for an answer"),
        (
            lambda d: scenes.one_way(d, 0, 5),
            "no media ever came from TERMINAL though the softswitch sent 5 packets: one-way; it is behind a NAT, "
            "and had signalled 192.168.1.10:4000",
        ),
        (
            lambda d: scenes.one_way(d, 5, 0),
            "no media ever came from SOFTSWITCH though the terminal sent 5 packets: one-way",
        ),
        (lambda d: scenes.one_way(d, 0, 0), "no media came from either side in 10.0s after the answer"),
        (lambda d: scenes.one_way(d, 3, 3), "no fault: it is up for N s"),
    ],
)
def test_the_first_fault_in_one_sentence(desk: Desk, scene: Callable[[Desk], str], said: str) -> None:
    why = desk.console.why(scene(desk))
    assert isinstance(why, dict)
    assert neutral(desk, why["verdict"]) == said


def neutral(desk: Desk, text: str) -> str:
    text = text.replace(f"the softswitch (core {desk.softswitch.address})", "SOFTSWITCH")
    text = text.replace(f"the terminal (access {desk.phone.address})", "TERMINAL")
    text = re.sub(r"\b\d+ ms\b", "N ms", text)
    return re.sub(r"(up for|after) \d+\.\ds", r"\1 N s", text)


def test_a_challenge_that_is_not_taken_up(desk: Desk) -> None:
    id = scenes.refused(desk, b"401 Unauthorized", CHALLENGE)
    assert desk.console.why(id)["verdict"] == "no fault: it waits for an answer"  # it may come again yet
    scenes.pass_time(desk, 40)
    why = neutral(desk, desk.console.why(id)["verdict"])
    assert why == "SOFTSWITCH asked for credentials (401 Unauthorized) and the terminal did not come back with any"


def test_a_call_that_was_kicked(desk: Desk) -> None:
    id = desk.call()
    desk.talk(id, 3, 3)
    desk.console.kick(id)
    why = desk.console.why(id)
    assert why["verdict"] == "the SBC ended it: Q.850 31: cleared from the console"
    assert why["decisions"][-1]["cause"] == "Q.850 31: cleared from the console (cleared)"


def test_a_call_that_fell_silent(desk: Desk) -> None:
    id = desk.call()
    desk.talk(id, 3, 3)
    desk.runner.silent(f"{id}/1", 30.0)
    why = desk.console.why(id)
    assert desk.border.registry.calls[id].ending is Ending.SILENT
    assert why["verdict"] == "nobody spoke any more: no media for 30 s"


def test_a_stream_whose_ports_cannot_be_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: Any) -> None:
        raise PortUnavailable(spec.sides[0].local.rtp, "Address already in use")

    monkeypatch.setattr(desk.runner.engine, "open", refuse)
    desk.phone.send(desk.access.address, invite(PHONE))
    scenes.settle(desk)
    (story,) = desk.runner.memory.find("")
    assert re.fullmatch(
        r"the SBC refused the INVITE: no-media-ports: no media ports \(\S+:20000: Address already in use\)",
        desk.console.why(story.call)["verdict"],
    )


def test_what_was_refused_before_it_was_a_call() -> None:
    with open_desk(scenes.FULL) as desk:
        desk.call()
        desk.phone.send(desk.access.address, invite(PHONE, call=b"two"))
        desk.phone.send(desk.access.address, invite(PHONE, call=b"three"))
        desk.phone.send(desk.access.address, b"nonsense\r\n\r\n")
        scenes.settle(desk)
        refusals = desk.console.refusals()
        assert [(row["event"], row["reason"], row["count"]) for row in refusals] == [
            ("bad-message", "Not SIP", 1),
            ("refused", "too many calls (realm access has its 1 calls)", 2),
        ]
        host = desk.phone.address.host
        assert [dict(row, age=0) for row in desk.console.why(host)] == [dict(row, age=0) for row in refusals]
        assert repr(desk.console.why("192.0.2.77")) == "nothing refused"
        assert repr(desk.console.refusals("too many")).splitlines()[1].split()[0] == "refused"
        json.dumps(refusals)


def test_registrations_are_no_calls(desk: Desk) -> None:
    desk.phone.send(desk.access.address, register(PHONE))
    scenes.settle(desk)
    assert len(desk.runner.memory) == 0


def test_every_decision_has_its_time_and_cause_in_order(desk: Desk) -> None:
    id = scenes.refused(desk, b"486 Busy Here")
    why = desk.console.why(id)
    assert [decision["at"] for decision in why["decisions"]] == sorted(decision["at"] for decision in why["decisions"])
    told = [decision["what"].replace(str(desk.phone.address), "PHONE") for decision in why["decisions"]]
    told = [line.replace(str(desk.softswitch.address), "SWITCH").replace(id, "ID") for line in told]
    assert told == [
        "access PHONE sent",
        "opened from access PHONE, behind NAT (192.168.1.10:5060 claimed) to core SWITCH",
        "stream ID/1 opened",
        "core SWITCH answered",
        "stream ID/1 closed",
        "ended by callee, not answered",
    ]
    causes = [decision["cause"] for decision in why["decisions"]]
    assert causes[1] == "INVITE from alice@sbc.example.com for sip:bob@sbc.example.com, by path main"
    assert causes[3] == "486 Busy Here to INVITE"
    assert causes[-1] == "486 Busy Here (busy)"
    json.dumps(why)


def test_what_was_said_again_is_told(desk: Desk) -> None:
    id = scenes.unanswered(desk)
    (again,) = [each for each in desk.console.why(id)["decisions"] if "sent again to core" in each["cause"]]
    assert again["cause"] == f"sent again to core {desk.softswitch.address}, 6 times since"
    assert 31 < again["at"] < 32


def test_the_text_is_one_line_a_decision_and_safe(desk: Desk) -> None:
    id = scenes.refused(desk, b"486 Busy \x1b[2J Here")
    why = desk.console.why(id)
    text = why_text(why)
    assert text == repr(why)
    assert len(text.splitlines()) == 3 + len(why["decisions"])
    assert "\x1b" not in text and "\\x1b[2J" in text


def test_what_is_not_remembered_is_said_so(desk: Desk) -> None:
    for answer in (desk.console.why("nosuch"), desk.console.trace("nosuch"), desk.console.why("")):
        assert isinstance(answer, No) and answer.startswith("nothing is remembered of a call")
    desk.call(b"one")
    desk.call(b"two")
    ids = list(desk.border.registry.calls)
    desk.runner.memory._live[f"{ids[0]}x"] = desk.runner.memory._live[ids[1]]
    assert desk.console.why(ids[0])["call"] == ids[0]
    answer = desk.console.trace(ids[0][:-1])
    assert isinstance(answer, No) and answer.startswith("2 calls begin with")


def test_a_side_that_shares_ports_says_by_which_numbers() -> None:
    own, ports = (Pair(Address("203.0.113.1", port), Address("203.0.113.1", port + 1)) for port in (20_000, 2776))
    plain = SideSpec("access", own, None, False, "", Latch.NAT, 3.0)
    assert side_text(plain) == "access 203.0.113.1:20000, signalled nothing, latch nat"
    shared = attrs.evolve(plain, shared=Shared(ports, 7))
    assert side_text(shared).endswith("latch nat, number 7 at 203.0.113.1:2776 (not told)")
    asked = attrs.evolve(plain, shared=Shared(ports, 7, True, 9, 0))
    assert side_text(asked).endswith("number 7 at 203.0.113.1:2776 (told), wants RTP as 9, wants RTCP as 0")
