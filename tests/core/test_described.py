"""What messages say of media: streams, addresses, kinds, holds; what the engine is told."""

from __future__ import annotations

from sbc.core.address import Address, Pair
from sbc.core.orders import CloseStream, OpenStream, UpdateStream
from sbc.core.realm import Limits
from tests.core.test_crossing import media_in, pairs, reoffer, reply
from tests.laws import assert_no_trace
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, of, sends
from tests.toy_calls import answered, opened, to_access, to_core, toy_rig
from tests.toy_records import (
    CHANGE,
    CONFIRM,
    NOWHERE,
    Media,
    Record,
    answer,
    audio,
    fax,
    inside,
    opening,
    packed,
)


def test_each_stream_has_a_pair_of_ours_on_each_side() -> None:
    several = (audio(PHONE.host), audio(PHONE.host, 4100, key=1), fax(PHONE.host, key=2))
    talk = opened(record=opening(PHONE).but(media=several))
    first, second, third = media_in(talk.sent)
    assert first == (Address(SBC_CORE.host, 30000), Address(SBC_CORE.host, 30001))
    assert second == (Address(SBC_CORE.host, 30002), Address(SBC_CORE.host, 30003))
    assert third == (Address(SBC_CORE.host, 30004), Address("0.0.0.0", 0))
    specs = [order.spec for order in of(OpenStream, talk.rig.log)]
    assert [spec.kind for spec in specs] == ["rtp", "rtp", "t38"]
    assert specs[2].sides[0].local == Pair(Address(SBC_ACCESS.host, 20004), None)
    assert specs[2].sides[0].remote == Pair(Address(PHONE.host, 5000), None)
    assert len({spec.id for spec in specs}) == 3


def test_the_answer_meets_its_offer_in_one_stream() -> None:
    talk = answered(record=opening(PHONE).but(media=(audio(PHONE.host), audio(PHONE.host, 4100, key=1))))
    assert [rtp for rtp, _ in media_in(talk.back)] == [Address(SBC_ACCESS.host, 20000), Address(SBC_ACCESS.host, 20002)]
    assert set(talk.call.streams) == {(0, "rtp"), (1, "rtp")}
    assert all(None not in remotes for remotes in pairs(talk).values())


def test_rtcp_where_it_was_signalled_or_beside_rtp_or_on_the_same_port() -> None:
    apart = Media(0, packed(PHONE.host, 4000), packed(PHONE.host, 4500))
    beside = Media(1, packed(PHONE.host, 4100), NOWHERE)
    muxed = Media(2, packed(PHONE.host, 4200), packed(PHONE.host, 4200))
    talk = opened(record=opening(PHONE).but(media=(apart, beside, muxed)))
    remotes = [remote[0] for remote in pairs(talk).values()]
    assert [pair.rtcp.port for pair in remotes if pair and pair.rtcp] == [4500, 4101, 4200]
    # and the other side sees one port of ours where it was one
    assert [rtcp.port for _, rtcp in media_in(talk.sent)] == [30001, 0, 30004]


def test_an_offer_that_guesses_the_port_it_will_be_given_opens_its_stream_all_the_same() -> None:
    talk = answered(record=opening(PHONE).but(media=(audio(SBC_ACCESS.host, 20000),)))
    (opened_as,) = of(OpenStream, talk.rig.log)
    assert opened_as.spec.sides[0].remote is not None
    assert {order.stream for order in of(UpdateStream, talk.rig.log)} == {opened_as.spec.id}


def test_who_repeats_our_address_of_a_stream_means_the_others() -> None:
    talk = opened()
    ((ours, _),) = media_in(talk.sent)
    back = reply(talk, talk.sent, audio(ours.host, ours.port))
    ((told, _),) = media_in(sends(back, "access")[0])
    assert told == Address(PHONE.host, 4000)


def test_a_further_address_of_a_stream_is_written_but_not_recorded() -> None:
    media = (audio(PHONE.host), audio("192.168.77.1", 9000, further=1))
    talk = opened(record=opening(PHONE).but(media=media))
    assert media_in(talk.sent)[1] == media_in(talk.sent)[0]
    assert pairs(talk)[0, "rtp"][0] == Pair(Address(PHONE.host, 4000), Address(PHONE.host, 4001))
    assert_no_trace(talk.sent, "192.168.77.1")


def test_a_further_address_of_no_stream_opens_none() -> None:
    talk = opened(record=opening(PHONE).but(media=(audio(PHONE.host, key=3, further=1),)))
    assert not talk.call.streams
    assert media_in(talk.sent) == [(Address(SBC_CORE.host, 0), Address(SBC_CORE.host, 0))]


def test_one_key_is_one_kind_at_a_time() -> None:
    talk = opened(record=opening(PHONE).but(media=(audio(PHONE.host), fax(PHONE.host))))
    assert set(talk.call.streams) == {(0, "rtp")}
    assert media_in(talk.sent)[1][0] == Address(SBC_CORE.host, 0)


def test_on_hold_stays_on_hold() -> None:
    talk = answered()
    sent = reoffer(talk, Media(0, packed("0.0.0.0", 4000), packed("0.0.0.0", 4001)))
    assert media_in(sent) == [(Address("0.0.0.0", 30000), Address("0.0.0.0", 30001))]
    reply(talk, sent, audio(SOFTSWITCH.host))
    assert pairs(talk)[0, "rtp"][0] == Pair(Address("0.0.0.0", 4000), Address("0.0.0.0", 4001))
    sent = reoffer(talk, audio(PHONE.host), exchange=5)
    reply(talk, sent, audio(SOFTSWITCH.host))
    assert pairs(talk)[0, "rtp"][0] == Pair(Address(PHONE.host, 4000), Address(PHONE.host, 4001))
    assert len(talk.rig.open_streams) == 1


def test_port_0_in_the_answer_closes_the_stream_and_its_key_can_be_opened_again() -> None:
    talk = answered(record=opening(PHONE).but(media=(audio(PHONE.host), audio(PHONE.host, 4100, key=1))))
    sent = reoffer(talk, audio(PHONE.host), audio(PHONE.host, 0, key=1))
    assert set(talk.call.streams) == {(0, "rtp"), (1, "rtp")}  # until it is answered
    reply(talk, sent, audio(SOFTSWITCH.host), audio(SOFTSWITCH.host, 0, key=1))
    assert set(talk.call.streams) == {(0, "rtp")}
    sent = reoffer(talk, audio(PHONE.host), audio(PHONE.host, 4100, key=1), exchange=5)
    assert media_in(sent)[1][0] == Address(SBC_CORE.host, 30004)
    assert set(talk.call.streams) == {(0, "rtp"), (1, "rtp")}


def test_late_offer_is_answered_by_the_confirmation() -> None:
    talk = opened(record=opening(PHONE).but(media=()))
    said = answer(talk.sent, SOFTSWITCH.host, media=(audio(SOFTSWITCH.host), audio(SOFTSWITCH.host, 4100, key=1)))
    orders = talk.rig.from_core(said.pack())
    assert len(of(OpenStream, orders)) == 2
    (back,) = to_access(orders)
    confirm = inside(talk.asked, back.data, CONFIRM, media=(audio(PHONE.host), audio(PHONE.host, 0, key=1)))
    orders = talk.rig.from_access(confirm.pack())
    assert [order.side for order in of(UpdateStream, orders)] == [0]
    assert len(of(CloseStream, orders)) == 1  # declined by the answer
    assert pairs(talk)[0, "rtp"][0] == Pair(Address(PHONE.host, 4000), Address(PHONE.host, 4001))


def test_a_late_offer_of_another_kind_replaces_only_once_it_is_taken() -> None:
    talk = answered()
    sent = reoffer(talk)
    orders = talk.rig.from_core(answer(sent, SOFTSWITCH.host, media=(fax(SOFTSWITCH.host),)).pack())
    assert set(talk.call.streams) == {(0, "rtp"), (0, "t38")}
    confirm = inside(talk.asked, to_access(orders)[0].data, CONFIRM).but(
        target=Record.read(talk.back).places[0][0], exchange=(4).to_bytes(10, "big"), media=(fax(PHONE.host),)
    )
    talk.rig.from_access(confirm.pack())
    assert set(talk.call.streams) == {(0, "t38")}


def test_offer_and_answer_each_update_the_side_they_come_from() -> None:
    talk = answered()
    offer = talk.rig.from_access(inside(talk.asked, talk.back, CHANGE, 4, media=(audio(PHONE.host, 4040),)).pack())
    assert [order.side for order in of(UpdateStream, offer)] == [0]
    orders = talk.rig.from_core(answer(to_core(offer)[0].data, SOFTSWITCH.host).pack())
    assert [order.side for order in of(UpdateStream, orders)] == [1]


def test_a_private_media_address_means_a_nat() -> None:
    open_phone = Address(NAT.host, NAT.port)
    talk = opened(record=opening(open_phone).but(media=(audio(open_phone.host),)))
    assert not of(OpenStream, talk.rig.log)[0].spec.sides[0].behind_nat
    talk = opened(record=opening(open_phone).but(media=(audio("10.1.2.3"),)))
    assert of(OpenStream, talk.rig.log)[0].spec.sides[0].behind_nat


def test_so_many_streams_and_no_more() -> None:
    rig = toy_rig(limits=Limits(streams_per_call=2))
    three = tuple(audio(PHONE.host, 4000 + 10 * key, key=key) for key in range(3))
    assert not to_core(rig.from_access(opening(PHONE).but(media=three).pack()))
    assert to_core(rig.from_access(opening(PHONE, exchange=2).but(media=three[:2]).pack()))


# -- places and identities
