"""The bandwidth of one stream: what it is let have, and what becomes of that."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.admitted import agreed, asked, hold, offer, put_back, trim
from sbc.core.call import Call, Stream
from sbc.core.message import Cause, Flow, Refused
from sbc.core.networks import Networks
from sbc.policy.demand import Bandwidth, Demand, Fit
from tests.rig import make_plan
from tests.toy_calls import answered, toy_rig

BOTH, G711, G729 = (Flow("audio PCMA/8000 G729/8000"),), (Flow("audio PCMA/8000"),), (Flow("audio G729/8000"),)
DEAR, CHEAP = Demand((84_000,) * 2, (84_000,) * 2), Demand((25_200,) * 2, (25_200,) * 2)


def stream_in(kbits: int = 0, fit: Fit = Fit.REFUSE) -> tuple[Networks, Call, Stream]:
    """A stream that is open, in realms of which one has so much bandwidth."""
    plan = make_plan("toy")
    realms = {name: attrs.evolve(each, bandwidth=Bandwidth(fit=fit)) for name, each in plan.realms.items()}
    limits = attrs.evolve(realms["core"].limits, bandwidth_in=kbits)
    realms["core"] = attrs.evolve(realms["core"], limits=limits)
    rig = toy_rig()
    rig.replan(attrs.evolve(plan, realms=realms))
    call = answered(rig).call
    (stream,) = call.streams.values()
    return rig.border.registry.networks, call, stream


def test_what_is_offered_is_held_beside_what_was_agreed_and_trimmed_to_it() -> None:
    networks, call, stream = stream_in()
    assert offer(networks, call, stream, 0, BOTH) == () and stream.admitted == DEAR
    stream.flows = [BOTH, G729]
    assert agreed(call, stream, 1, G729) == CHEAP == agreed(call, stream, 0, BOTH)
    trim(networks, call, stream)
    assert stream.admitted == CHEAP == call.ticket.held[stream.id]
    assert asked(call, stream, 0, G711) == DEAR and asked(call, stream, 1, G729) == CHEAP


def test_nothing_is_trimmed_before_both_have_spoken_nor_to_more() -> None:
    networks, call, stream = stream_in()
    trim(networks, call, stream)
    assert stream.admitted is None
    hold(networks, call, stream, CHEAP)
    stream.flows = [G711, ()]
    trim(networks, call, stream)
    stream.flows = [G711, G711]
    trim(networks, call, stream)
    assert stream.admitted == CHEAP


def test_what_is_too_much_is_refused_and_leaves_all_as_it_was() -> None:
    networks, call, stream = stream_in(60)
    offer(networks, call, stream, 0, G729)
    with pytest.raises(Refused) as caught:
        offer(networks, call, stream, 0, BOTH)
    assert caught.value.cause is Cause.BANDWIDTH
    assert stream.admitted == CHEAP == call.ticket.held[stream.id]


def test_an_offer_is_cut_where_it_may_be() -> None:
    networks, call, stream = stream_in(60, Fit.FILTER)
    assert offer(networks, call, stream, 0, BOTH) == (1,) and stream.admitted == CHEAP
    with pytest.raises(Refused):
        offer(networks, call, stream, 0, G711)
    with pytest.raises(Refused):  # several proposals are none that could be cut
        offer(networks, call, stream, 0, (*G729, *G711))
    assert stream.admitted == CHEAP


def test_what_was_held_before_is_put_back_whatever_was_given_away_meanwhile() -> None:
    networks, call, stream = stream_in(60)
    put_back(networks, call, stream, DEAR)
    assert call.ticket.held[stream.id] == DEAR == stream.admitted
    put_back(networks, call, stream, None)
    assert stream.id not in call.ticket.held and stream.admitted is None
