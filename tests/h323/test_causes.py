"""Why calls end."""

from __future__ import annotations

from sbc.h323.causes import ELSEWHERE, ENDINGS, cause_of
from sbc.h323.codec import build_signal, decode
from sbc.h323.message import H323Message
from tests.h323_calls import PROTOCOL, rrq


def of(elements: dict[int, bytes], **said: object) -> int | None:
    body = {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": bytes(16)}, **said}
    return cause_of(H323Message(decode(build_signal("releaseComplete", 5, True, body, elements))))


def test_what_another_gateway_might_take_has_an_ending() -> None:
    assert set(ELSEWHERE) <= set(ENDINGS)


def test_a_cause_counts_more_than_a_reason() -> None:
    assert of({8: b"\x80\x91"}, reason=("noBandwidth", 0)) == 17
    assert of({}, reason=("noBandwidth", 0)) == 34 and of({}, reason=("undefinedReason", 0)) == 31
    assert of({}) is None and cause_of(H323Message(decode(rrq(6)))) is None
