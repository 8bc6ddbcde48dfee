"""The laws of all dialects for protocols that control gateways: it is the core that asks, and who is asked registers.

Subclass `GatewayLaws` as `DialectLaws` (tests/laws.py), with a `GatewayWire`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs

from sbc.core.address import Address
from sbc.core.call import CallState
from sbc.core.message import Ending, Kind, Phase
from sbc.core.orders import CloseStream, Listener, OpenStream, Order, Record, Send
from sbc.core.realm import Signaling
from tests.circles import no_circles
from tests.laws import DialectLaws, assert_no_trace, only_sends
from tests.rig import NAT, PHONE, SBC_ACCESS, SBC_CORE, SOFTSWITCH, Rig, make_plan, of, sends


@attrs.frozen
class GatewayWire:
    """What the laws need of a protocol to hold a conversation. Built by hand in its tests, never by its codec.

    `binding(sender, number)` registers the gateway that believes to be at the host and port given, `granted(request)`
    is the yes to it. `opening(sender, number, call)` has a member join the call of that number, and loads media at
    ports 4000 and 4001 of that host; `answer(request, host, member)` says that the member of that number has, with
    media of its own at such ports, given the request as it arrived. `inside(request, answer)` changes what is said of
    that member, and `dismissal(request, answer)` takes it off, given what had been sent and what came back;
    `done(request)` is the positive answer to either, and to what else is asked. `together(messages)` is one datagram of
    them, and `telling(number)` a request of a gateway outside all calls.
    """

    binding: Any
    granted: Any
    opening: Any
    answer: Any
    inside: Any
    dismissal: Any
    done: Any
    together: Any
    telling: Any
    summons: bool = False
    controlled: Any = None


class GatewayLaws(DialectLaws):
    """Subclass, set `dialect`, `wire` and `samples()`."""

    wire: ClassVar[Any]

    def rig(self) -> Rig:
        return Rig.make(self.dialect, make_plan(self.dialect.name, signaling=Signaling.PORT_PER_TERMINAL))

    def gateway(self, rig: Rig, at: Address = NAT, number: int = 900, believed: Address = PHONE) -> Listener:
        """Let a gateway register; the port of ours that stands for it."""
        orders = rig.from_access(self.wire.binding(believed, number), at)
        (sent,) = [each for each in of(Send, orders) if each.listener.realm == "core"]
        rig.from_core(self.wire.granted(sent.data), at=sent.listener)
        return sent.listener

    def opened(
        self, rig: Rig, own: Listener, at: Address = NAT, number: int = 1, call: int = 1, member: int = 1
    ) -> Any:
        """Let a member join: the request and its answer, each as it came and as it went on."""
        asked = self.wire.opening(SOFTSWITCH, number, call)
        sent = to(at, rig.from_core(asked, at=own))[-1]
        answer = self.wire.answer(sent, PHONE.host, member)
        *_, back = sends(rig.from_access(answer, at), "core")
        return asked, sent, answer, back

    def crossed(self) -> tuple[Rig, bytes, bytes, bytes, bytes]:
        rig = self.rig()
        return rig, *self.opened(rig, self.gateway(rig))

    def place_of(self, sender: Address) -> bytes:
        return b""

    def test_there_and_back(self) -> None:
        """An answer belongs to the request of its asker; what is changed and taken off later is the gateway's member,
        and the call is over with that."""
        rig = self.rig()
        own = self.gateway(rig)
        asked, sent, answer, back = self.opened(rig, own)
        described = [self.dialect.describe(self.dialect.decode(each)) for each in (asked, sent, answer, back)]
        assert described[0].kind is Kind.OPEN and described[0].gathers and all(each.local for each in described)
        assert described[3].exchange == described[0].exchange and described[2].exchange == described[1].exchange
        assert described[0].exchange != described[1].exchange, "a number of our own"
        (call,) = rig.border.registry.calls.values()
        assert call.gathering is not None and len(call.gathering.members) == 1 and call.state is CallState.UP
        (stream,) = call.streams.values()
        assert stream.member == call.gathering.members[0]
        assert [pair.rtp for pair in stream.remote if pair] == [
            Address(SOFTSWITCH.host, 4000),
            Address(PHONE.host, 4000),
        ]
        (changing,) = to(NAT, rig.from_core(self.wire.inside(asked, back), at=own))
        orders = rig.from_access(self.wire.done(changing))
        assert sends(orders, "core") and list(call.streams.values()) == [stream], "of the same stream"
        (leaving,) = to(NAT, rig.from_core(self.wire.dismissal(asked, back), at=own))
        orders = rig.from_access(self.wire.done(leaving))
        assert len(of(CloseStream, orders)) == 1 and sends(orders, "core")
        assert [(each.event, each.call) for each in of(Record, orders)][-1] == ("close", call.id)

    def test_no_leak(self) -> None:
        """Neither side ever sees an address of the other."""
        rig = self.rig()
        own = self.gateway(rig)
        asked, _, _, back = self.opened(rig, own)
        (changing,) = to(NAT, rig.from_core(self.wire.inside(asked, back), at=own))
        rig.from_access(self.wire.done(changing))
        rig.from_access(self.wire.telling(7))
        for data in sends(rig.log, "core"):
            assert_no_trace(data, PHONE.host, NAT.host, SBC_ACCESS.host)
        for data in sends(rig.log, "access"):
            assert_no_trace(data, SBC_CORE.host, SOFTSWITCH.host)

    def test_what_is_quoted(self) -> None:
        """The beginning of a request that we have sent tells its exchange, or nothing."""
        _, _, sent, _, _ = self.crossed()
        message = self.dialect.decode(sent)
        names = {self.dialect.quoted(sent[:size]) for size in range(len(sent) + 1)}
        assert names == {None, self.dialect.describe(message).exchange}

    def test_nothing_is_left_to_the_garbage_collector(self) -> None:
        """As the law of all dialects has it; and nothing is left of a call that is over."""
        with no_circles():
            rig = self.rig()
            own = self.gateway(rig)
            asked, _, _, back = self.opened(rig, own)
            (leaving,) = to(NAT, rig.from_core(self.wire.dismissal(asked, back), at=own))
            rig.from_access(self.wire.done(leaving))
            rig.log.clear()
            rig.wait(100_000)
            assert not rig.border.registry.calls

    def test_replay(self) -> None:
        """A retransmission gives the stored bytes and no new order; only our own timer sends onward again."""
        rig = self.rig()
        own = self.gateway(rig)
        asked = self.wire.opening(SOFTSWITCH, 1, 1)
        first = rig.from_core(asked, at=own)
        again = rig.from_core(asked, at=own)
        assert only_sends(again) and sends(again, "core") == sends(first, "core") and not to(NAT, again)
        (sent,) = to(NAT, first)
        answer = self.wire.answer(sent, PHONE.host, 1)
        back = sends(rig.from_access(answer), "core")
        assert back
        replayed = rig.from_access(answer)
        assert only_sends(replayed) and sends(replayed, "core") in ([], back)
        again = rig.from_core(asked, at=own)
        assert sends(again, "core") == back and not to(NAT, again) and only_sends(again)
        assert len(rig.border.registry.calls) == 1

    def test_gateways_behind_one_nat(self) -> None:
        """Two that believe to be at the same address are asked under the same numbers about calls of the same number,
        and answer alike: nothing of one is the other's."""
        rig = self.rig()
        second = NAT._replace(port=NAT.port + 1)
        ports = [self.gateway(rig), self.gateway(rig, second, 901, PHONE._replace(port=PHONE.port + 1))]
        assert len(set(ports)) == 2
        talks = [self.opened(rig, own, at) for own, at in zip(ports, (NAT, second), strict=True)]
        calls = list(rig.border.registry.calls.values())
        assert len({call.id for call in calls}) == 2 and len({talk[1] for talk in talks}) == 2
        (leaving,) = to(NAT, rig.from_core(self.wire.dismissal(talks[0][0], talks[0][3]), at=ports[0]))
        rig.from_access(self.wire.done(leaving))
        assert [call.state for call in calls] == [CallState.CLOSED, CallState.UP]
        (first,), (other,) = (
            [each for each in of(Send, rig.from_access(self.wire.telling(5), at)) if each.listener == own]
            for at, own in ((NAT, ports[0]), (second, ports[1]))
        )
        assert to(NAT, rig.from_core(self.wire.done(first.data), at=first.listener))
        assert to(second, rig.from_core(self.wire.done(other.data), at=other.listener))

    def test_strangers(self) -> None:
        """Who is not registered asks the core nothing."""
        rig = self.rig()
        orders = rig.from_access(self.wire.telling(5))
        assert not sends(orders, "core") and not rig.border.registry.live_exchanges

    def test_parts(self) -> None:
        """One datagram of several messages is as good as each alone, and one message stays the very bytes it is."""
        rig = self.rig()
        own = self.gateway(rig)
        both = [self.wire.opening(SOFTSWITCH, 1, 1), self.wire.opening(SOFTSWITCH, 2, 2)]
        whole = self.wire.together(both)
        parts = self.dialect.parts(whole)
        assert len(parts) == 2 and len(to(NAT, rig.from_core(whole, at=own))) == 2
        said = [self.dialect.describe(self.dialect.decode(each)) for each in parts]
        alone = [self.dialect.describe(self.dialect.decode(each)) for each in both]
        assert [(each.exchange, each.call) for each in said] == [(each.exchange, each.call) for each in alone]
        for name, data in self.samples():
            found: Sequence[bytes] = self.dialect.parts(data)
            assert len(found) != 1 or found[0] is data or found[0] == data, name
        assert list(self.dialect.parts(b"")) == [b""]

    def test_release(self) -> None:
        """A call that the SBC ends is over for both: each is told by a request that would take the member off."""
        rig, *_ = self.crossed()
        (call,) = rig.border.registry.calls.values()
        orders: list[Order] = rig._take(rig.border.end_call(call.id, "no more", rig.now, Ending.CLEARED))
        told = to(NAT, orders)
        assert len(told) == 1 and len(sends(orders, "core")) <= 1 and len(of(CloseStream, orders)) == 1
        for data in sends(orders, "core"):
            assert_no_trace(data, PHONE.host, NAT.host, SBC_ACCESS.host)
        intent = self.dialect.describe(self.dialect.decode(told[0]))
        assert intent.phase is Phase.REQUEST and intent.local
        assert_no_trace(told[0], SBC_CORE.host, SOFTSWITCH.host)
        assert not sends(rig.from_access(self.wire.done(told[0])), "core")
        for data in sends(orders, "core"):
            assert self.dialect.describe(self.dialect.decode(data)).phase is Phase.REQUEST

    def test_who_joins_too_late_is_released(self) -> None:
        """A gateway that does not answer in time may have done what it was asked: that is undone when it says so."""
        rig = self.rig()
        own = self.gateway(rig)
        (sent,) = to(NAT, rig.from_core(self.wire.opening(SOFTSWITCH, 1, 1), at=own))
        limit = self.dialect.timing(self.dialect.describe(self.dialect.decode(sent))).limit
        orders = rig.wait(limit + 1)
        assert len(sends(orders, "core")) == 1 and len(of(CloseStream, orders)) == 1
        late = rig.from_access(self.wire.answer(sent, PHONE.host, 1))
        assert len(to(NAT, late)) == 1 and not sends(late, "core") and not of(OpenStream, late)

    def test_refresh(self) -> None:
        """What a gateway says of itself always goes on: it is no refresh that anybody could answer for the core."""
        rig = self.rig()
        own = self.gateway(rig)
        rig.now += 20
        assert self.gateway(rig, number=902) == own and len(rig.border.registry.bindings) == 1

    def test_slots_of_members(self) -> None:
        """What is said of media by who has joined belongs to it, and to no other."""
        rig = self.rig()
        own = self.gateway(rig)
        self.opened(rig, own)
        self.opened(rig, own, number=2, member=2)
        calls = list(rig.border.registry.calls.values())
        streams = [stream for call in calls for stream in call.streams.values()]
        assert len(streams) == 2 and len({stream.member for stream in streams}) == 2
        assert {stream.member for stream in streams} == {
            member for call in calls if call.gathering for member in call.gathering.members
        }


def to(at: Address, orders: list[Order]) -> list[bytes]:
    """What is sent there."""
    return [each.data for each in of(Send, orders) if each.to == at]
