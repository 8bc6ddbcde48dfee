"""A refused offer leaves no trace: what it changed is as before, what it opened is closed."""

from __future__ import annotations

from sbc.core.orders import UpdateStream
from tests.core.test_crossing import pairs, reoffer, reply
from tests.rig import PHONE
from tests.toy_calls import answered, opened
from tests.toy_records import CHALLENGE, FAILURE, audio


def test_a_stream_that_the_offer_gave_up_stays_if_the_offer_is_refused() -> None:
    talk = answered()
    sent = reoffer(talk, audio(PHONE.host, 0))
    reply(talk, sent, stage=FAILURE)
    assert set(talk.call.streams) == {(0, "rtp")}


def test_a_refused_offer_takes_back_what_it_changed_and_what_it_opened() -> None:
    talk = answered()
    before = pairs(talk)
    sent = reoffer(talk, audio(PHONE.host, 4040), audio(PHONE.host, 4100, key=1))
    assert len(talk.rig.open_streams) == 2
    orders = reply(talk, sent, stage=FAILURE)
    assert pairs(talk) == before and len(talk.rig.open_streams) == 1
    assert [order for order in orders if isinstance(order, UpdateStream)][-1].spec.remote == before[0, "rtp"][0]


def test_a_challenge_takes_back_what_was_offered() -> None:
    talk = answered()
    before = pairs(talk)
    reply(talk, reoffer(talk, audio(PHONE.host, 4040)), stage=CHALLENGE)
    assert pairs(talk) == before
    talk = opened()
    reply(talk, talk.sent, stage=CHALLENGE)
    assert not talk.rig.open_streams
