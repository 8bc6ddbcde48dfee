"""Codes: every cause and ending has one."""

from __future__ import annotations

from sbc.core.message import Cause, Elsewhere, Ending
from sbc.mgcp.codes import OF_CAUSES, REASONS, elsewhere, ending


def test_every_cause_has_a_code_and_transient_ones_are_tried_again() -> None:
    assert set(OF_CAUSES) == set(Cause)
    assert all(400 <= code < 600 for code in OF_CAUSES.values())
    for cause in (
        Cause.BUSY,
        Cause.ENGAGED,
        Cause.RATE,
        Cause.BANDWIDTH,
        Cause.NO_PORTS,
        Cause.DRAINING,
        Cause.TIMEOUT,
        Cause.UNREACHABLE,
    ):
        assert OF_CAUSES[cause] < 500
    assert (OF_CAUSES[Cause.NO_CALL], OF_CAUSES[Cause.ABSENT]) == (516, 501)
    assert (OF_CAUSES[Cause.BANDWIDTH], OF_CAUSES[Cause.QUOTA], OF_CAUSES[Cause.DENIED]) == (404, 502, 500)


def test_reasons_are_those_of_the_rfc() -> None:
    assert {code for code, _ in REASONS.values()} <= set(range(900, 906))


def test_what_others_answer() -> None:
    assert elsewhere(521) is Elsewhere.UNAVAILABLE and elsewhere(406) is Elsewhere.TIMEOUT and elsewhere(500) is None
    assert (ending(403), ending(500), ending(509)) == (Ending.CONGESTION, Ending.NOT_FOUND, Ending.INCOMPATIBLE)
    assert ending(899) is Ending.FAILED
