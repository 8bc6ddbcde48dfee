"""The bandwidth of one stream: what it is let have, and what becomes of that."""

from __future__ import annotations

import attrs
import pytest

from sbc.core.admitted import agreed, asked, hold, offer, possible, put_back, trim
from sbc.core.call import Call, Stream
from sbc.core.message import Cause, Flow, Refused, Width
from sbc.core.networks import Networks
from sbc.policy.bandwidth import Flows, at_rate, demand
from sbc.policy.demand import Bandwidth, Demand, Fit
from tests.rig import make_plan
from tests.toy_calls import answered, toy_rig

BOTH, G711, G729 = (Flow("audio PCMA/8000 G729/8000"),), (Flow("audio PCMA/8000"),), (Flow("audio G729/8000"),)
DEAR, CHEAP = Demand((84_000,) * 2, (84_000,) * 2), Demand((25_200,) * 2, (25_200,) * 2)
VIDEO, USUAL = (Flow("video H264/90000"),), Bandwidth()


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
    assert offer(networks, call, stream, 0, BOTH) == ((BOTH[0], (1,)),) and stream.admitted == CHEAP
    with pytest.raises(Refused):
        offer(networks, call, stream, 0, G711)
    assert stream.admitted == CHEAP


@pytest.mark.parametrize("fit", [Fit.FILTER, Fit.CHEAPEST])
def test_of_several_proposals_those_go_on_that_fit(fit: Fit) -> None:
    networks, call, stream = stream_in(60, fit)
    small = (Flow("audio G723/8000"),)
    kept = offer(networks, call, stream, 0, (*G729, *G711, *small))
    order = (*small, *G729) if fit is Fit.CHEAPEST else (*G729, *G711, *small)
    assert tuple(flow for flow, _ in kept)[: len(order)] == order
    assert dict(kept) == {G729[0]: (0,), G711[0]: None, small[0]: (0,)} and stream.admitted == CHEAP
    with pytest.raises(Refused):
        offer(networks, call, stream, 0, (*G711, *G711))


def test_of_what_has_no_name_all_stays_or_goes() -> None:
    networks, call, stream = stream_in(60, Fit.FILTER)
    unknown = (Flow("audio", Width(media=64_000)),)
    assert dict(offer(networks, call, stream, 0, (*unknown, *G729))) == {unknown[0]: None, G729[0]: (0,)}
    networks, call, stream = stream_in(90, Fit.FILTER)
    dear = Flow("audio", Width(media=384_000))
    assert dict(offer(networks, call, stream, 0, (*unknown, dear))) == {unknown[0]: (), dear: None}


@pytest.mark.parametrize(
    ("fit", "kbits", "said", "expected"),
    [
        (Fit.REFUSE, 60, (G711, G729), None),
        (Fit.FILTER, 0, (G711, G729), None),
        (Fit.FILTER, 90, (G711, G729), None),
        (Fit.FILTER, 60, (G711, G729), (1,)),
        (Fit.FILTER, 10, (G711, G729), None),
        (Fit.FILTER, 60, (G711, G729, (Flow("audio G723/8000"),)), (1, 2)),
        (Fit.CHEAPEST, 60, (G711, G729, (Flow("audio G723/8000"),)), (2, 1)),
        (Fit.FILTER, 60, (G729, (Flow("video H264/90000"),)), (0,)),
        (Fit.FILTER, 10, (G711, (Flow("video H264/90000"),)), (0,)),
        (Fit.FILTER, 60, ((Flow("video H264/90000"),),), ()),
    ],
)
def test_what_a_party_could_take_is_what_there_is_room_for(
    fit: Fit, kbits: int, said: tuple[tuple[Flow, ...], ...], expected: tuple[int, ...]
) -> None:
    networks, call, _ = stream_in(kbits, fit)
    found = possible(networks, call, tuple(each for flows in said for each in flows))
    assert found == (None if expected is None else tuple((place, 0) for place in expected))


@pytest.mark.parametrize(
    ("said", "places"),
    [((VIDEO, G711), (0, 1)), ((G711, VIDEO), (0, 1)), ((VIDEO,), (0,)), ((VIDEO, G711, G729), (0, 1, 2))],
)
def test_video_takes_what_there_is_beside_the_dearest_voice(said: tuple[Flows, ...], places: tuple[int, ...]) -> None:
    networks, call, _ = stream_in(400, Fit.FILTER)
    flows = tuple(each for one in said for each in one)
    found = dict(possible(networks, call, flows) or ())
    assert tuple(found) == places
    ((place, rate),) = [each for each in found.items() if each[1]]
    assert flows[place] == VIDEO[0]
    sides = (USUAL, USUAL)
    video = demand(((at_rate(VIDEO[0], rate),), ()), "rtp", (False, False), sides)
    voice = max(
        (demand(((each,), ()), "rtp", (False, False), sides).into[0] for each in flows if each != VIDEO[0]), default=0
    )
    assert 399_000 - 1_500 < video.into[0] + voice <= 400_000


def test_what_the_stream_of_a_call_holds_is_room_for_what_takes_its_place() -> None:
    networks, call, stream = stream_in(60, Fit.FILTER)
    stream.media[0] = "audio G729/8000"
    hold(networks, call, stream, CHEAP)
    hold(networks, call, next(iter(call.streams.values())), CHEAP)
    networks.book.reserve(call.ticket, "another", CHEAP)
    assert possible(networks, call, (*G711, *G729)) == ((1, 0),), "25 of 60 are another's, 25 its own"
    stream.media[0] = ""
    assert possible(networks, call, (*G711, *G729)) is None, "nothing is left beside both: its channels are refused"


def test_what_was_held_before_is_put_back_whatever_was_given_away_meanwhile() -> None:
    networks, call, stream = stream_in(60)
    put_back(networks, call, stream, DEAR)
    assert call.ticket.held[stream.id] == DEAR == stream.admitted
    put_back(networks, call, stream, None)
    assert stream.id not in call.ticket.held and stream.admitted is None
