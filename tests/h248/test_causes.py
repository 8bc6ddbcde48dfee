"""Error codes and reasons (H.248.8)."""

from __future__ import annotations

import pytest

from sbc.core.message import Cause, Elsewhere, Ending, Refused
from sbc.h248.causes import OF_REFUSALS, Illegal, cause_of_ours, code_of, elsewhere_of, ending_of, reason_of


@pytest.mark.parametrize("cause", Cause)
def test_every_refusal_has_a_code(cause: Cause) -> None:
    assert 400 <= code_of(Refused(cause, "because")) < 600
    assert code_of(Refused(cause, "because")) == OF_REFUSALS[cause] == cause_of_ours(cause)


def test_what_the_edge_refuses() -> None:
    told = {cause: code_of(Refused(cause, "because")) for cause in Cause}
    assert (told[Cause.BANDWIDTH], told[Cause.QUOTA], told[Cause.DENIED]) == (526, 510, 504)
    assert told[Cause.ENGAGED] == told[Cause.RATE] == told[Cause.BUSY] == 510


def test_actions_that_do_not_go_together_have_their_own() -> None:
    assert code_of(Illegal("two contexts")) == 421 and Illegal("x").cause is Cause.UNSUPPORTED


@pytest.mark.parametrize("ending", Ending)
def test_every_end_has_a_reason(ending: Ending) -> None:
    number, _, words = reason_of(ending).partition(b" ")
    assert int(number) == cause_of_ours(ending) and words
    assert reason_of(None) == b"905 Termination taken out of service"


def test_what_codes_mean_for_calls_and_for_controllers() -> None:
    assert ending_of(510) is Ending.CONGESTION and ending_of(430) is Ending.NOT_FOUND
    assert ending_of(599) is Ending.FAILED
    assert elsewhere_of(503) is Elsewhere.UNAVAILABLE and elsewhere_of(430) is None
