"""A call's messages as plain values: every one of them, on its leg, with what it came of, masked, fit for JSON."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator

import pytest

from sbc.admin.story import began, clock_time, legs, opened, record, trace_view
from sbc.core.address import Address
from sbc.core.memory import Memory, Story
from sbc.core.orders import Listener, Send
from sbc.core.registry import Arrival
from tests.admin import scenes
from tests.admin.desk import PHONE, Desk, open_desk
from tests.sip_messages import invite
from tests.toy import ToyDialect
from tests.toy_records import opening


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def whats(desk: Desk, id: str) -> list[tuple[str, int, str]]:
    trace = desk.console.trace(id)
    return [(each["way"], each["leg"], each["what"].partition(" sip:")[0]) for each in trace["messages"]]


def test_every_message_of_a_call_is_there_also_those_that_go_no_further(desk: Desk) -> None:
    id = scenes.refused(desk, b"486 Busy Here")
    assert whats(desk, id) == [
        ("in", 0, "INVITE"),
        ("out", 0, "100 Trying to INVITE"),
        ("out", 1, "INVITE"),
        ("in", 1, "486 Busy Here to INVITE"),
        ("out", 0, "486 Busy Here to INVITE"),
        ("out", 1, "ACK"),
        ("in", 0, "ACK"),
    ]


def test_a_cancelled_call_has_both_its_ends(desk: Desk) -> None:
    id = scenes.cancelled(desk)
    seen = [each[2] for each in whats(desk, id)]
    assert seen.count("CANCEL") == 2 and seen.count("200 OK to CANCEL") == 2
    assert seen.count("487 Request Terminated to INVITE") >= 2


def test_what_came_of_which_and_what_is_said_again(desk: Desk) -> None:
    id = scenes.unanswered(desk)
    first, trying, onward, *again = desk.console.trace(id)["messages"]
    assert (first["of"], trying["of"], onward["of"]) == (None, 1, 1)
    repeated = [each for each in again if each["leg"] == 1]
    assert 5 <= len(repeated) <= 6  # each a little late, as time passes in steps: the last may not come before its end
    assert all(each["again"] == 3 and each["of"] is None for each in repeated)
    assert all(each["at"] > 0.5 * (2 ** (number + 1) - 1) - 0.01 for number, each in enumerate(repeated))


def test_what_is_secret_is_masked_in_data_too(desk: Desk) -> None:
    secret = b'Authorization: Digest username="alice", response="5ecre7"\r\nCSeq:'
    desk.phone.send(desk.access.address, invite(PHONE).replace(b"CSeq:", secret))
    scenes.settle(desk)
    (id,) = desk.border.registry.calls
    text = json.dumps(desk.console.trace(id))
    assert "5ecre7" not in text and "response=***" in text
    assert "5ecre7" not in repr(desk.console.trace(id, full=True)) + repr(desk.console.why(id))


def test_a_trace_is_fit_for_json_and_says_when(desk: Desk) -> None:
    id = desk.call()
    trace = json.loads(json.dumps(desk.console.trace(id)))
    assert trace["call"] == id and not trace["partial"] and trace["lost"] == 0
    assert [leg["realm"] for leg in trace["legs"]] == ["access", "core"]
    assert trace["messages"][0]["text"].startswith("INVITE ")
    assert trace["begun"] == trace["messages"][0]["time"]


def test_a_story_whose_beginning_is_forgotten_is_still_told(desk: Desk) -> None:
    id = desk.call()
    desk.runner.memory = Memory()
    desk.console.kick(id)
    trace = desk.console.trace(id)
    assert trace["legs"][0]["realm"] == "access"
    desk.runner.memory = memory = Memory()
    memory.sent(Send(desk.core, desk.softswitch.address, b"BYE x", "late"), 1.0)
    trace = desk.console.trace("late")
    assert trace["partial"]
    assert trace["legs"] == [{"realm": "core", "peer": str(desk.softswitch.address)}, {"realm": "", "peer": ""}]
    assert "its beginning is forgotten" in repr(trace)
    assert desk.console.why("late")["verdict"]


def test_what_is_no_text_is_base64() -> None:
    toy = ToyDialect()
    own = Listener("access", "toy", "udp", PHONE, PHONE)
    memory = Memory()
    data = opening(PHONE).pack()
    memory.heard("a", Arrival(own, Address("192.0.2.9", 1), data, 5.0))
    (story,) = memory.find("a")
    (message,) = trace_view(story, {"toy": toy}, 0.0)["messages"]
    assert b64decode(message["base64"]) == data and "text" not in message
    assert message["what"] == "open request"


def test_an_empty_story() -> None:
    story = Story("a", Memory().sizes)
    assert began(story) == 0.0 and opened(story) is None and record(story, "close") is None
    assert legs(story) == [{"realm": "", "peer": ""}] * 2
    assert trace_view(story, {}, 0.0)["messages"] == []


def test_times_are_utc() -> None:
    assert clock_time(1_700_000_000.5) == "2023-11-14T22:13:20.500+00:00"
