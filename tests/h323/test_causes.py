"""Why calls end."""

from __future__ import annotations

from sbc.core.message import Cause
from sbc.h323.causes import ELSEWHERE, ENDINGS, OF_REFUSALS, cause_of
from sbc.h323.codec import build_signal, decode
from sbc.h323.message import H323Message
from tests.h323_calls import PROTOCOL, rrq


def of(elements: dict[int, bytes], **said: object) -> int | None:
    body = {"protocolIdentifier": PROTOCOL, "callIdentifier": {"guid": bytes(16)}, **said}
    return cause_of(H323Message(decode(build_signal("releaseComplete", 5, True, body, elements))))


def test_every_refusal_has_its_cause() -> None:
    assert set(OF_REFUSALS) == set(Cause) and all(0 < number < 128 for number in OF_REFUSALS.values())
    assert set(ELSEWHERE) <= set(ENDINGS)


def test_a_cause_counts_more_than_a_reason() -> None:
    assert of({8: b"\x80\x91"}, reason=("noBandwidth", 0)) == 17
    assert of({}, reason=("noBandwidth", 0)) == 34 and of({}, reason=("undefinedReason", 0)) == 31
    assert of({}) is None and cause_of(H323Message(decode(rrq(6)))) is None
