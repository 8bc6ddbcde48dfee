"""H.245 on a connection of its own, one message at a time; whole calls are in tests/calls."""

from __future__ import annotations

from pathlib import Path

from sbc.core.address import Address
from sbc.core.message import Kind, Phase
from sbc.h323.codec import Wire, build_control, build_signal, decode
from sbc.h323.dialect import H323Dialect
from sbc.h323.separate import beckon
from tests.h323_calls import CONFERENCE, GUID, addresses, setup
from tests.h323_tshark import judge

DOOR = Address("203.0.113.1", 20017)


def test_h245_is_known_by_its_connection_alone() -> None:
    dialect = H323Dialect()
    for name, value in (("roundTripDelayRequest", {"sequenceNumber": 1}), ("masterSlaveDeterminationRelease", {})):
        group = "request" if value else "indication"
        intent = dialect.describe(dialect.decode(build_control(group, name, value)))
        assert (intent.kind, intent.phase, intent.call, intent.control) == (Kind.MODIFY, Phase.CONFIRM, b"", True)
        assert intent.method == name


def test_a_party_is_asked_to_come_in_its_own_call() -> None:
    for to_asker in (True, False):
        data = beckon(setup(), to_asker, DOOR)
        assert data is not None
        message = decode(data)
        head, said = message.q931, message.value
        assert head is not None and (head.name, head.call_reference) == ("facility", 77)
        assert head.from_destination == to_asker
        assert said["reason"][0] == "startH245" and said["conferenceID"] == CONFERENCE
        assert said["callIdentifier"]["guid"] == GUID
        assert addresses(message.data) == {"h245Address": [DOOR]}


def test_who_has_begun_a_call_by_q931_alone_cannot_be_asked_to_come() -> None:
    asked = build_signal("setup", 77, False, None, elements={0x6C: b"\x81123", 0x70: b"\x81200"})
    assert beckon(asked, True, DOOR) is None and beckon(asked, False, DOOR) is None


def test_tshark_understands_it(tmp_path: Path) -> None:
    said = [data for to_asker in (True, False) if (data := beckon(setup(), to_asker, DOOR)) is not None]
    for judged in judge(tmp_path, Wire.SIGNAL, said):
        assert not judged.faults, judged
