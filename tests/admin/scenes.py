"""Calls that go wrong in every way, at a desk: what the tests of `trace` and `why` ask about."""

from __future__ import annotations

from contextlib import suppress

from sbc.core.realm import Limits
from tests.admin.desk import PHONE, Desk
from tests.sip_messages import answer, hop_request, inside, invite, plain_answer


def pass_time(desk: Desk, seconds: float) -> None:
    """Let time pass for the SBC, from one thing that is due to the next."""
    reactor = desk.reactor
    end = reactor.seconds() + seconds
    while (now := reactor.seconds()) < end:
        due = min((call.getTime() for call in reactor.getDelayedCalls()), default=end)
        reactor.ahead += max(0.0, min(due, end) - now)
        reactor.iterate(0)


def settle(desk: Desk) -> None:
    """Let what is on its way arrive."""
    for _ in range(5):
        desk.reactor.iterate(0.005)


def asked(desk: Desk, name: bytes = b"one") -> tuple[str, bytes, bytes]:
    """A call that is not answered: its id, the request as it came and as it went on."""
    request = invite(PHONE, call=name)
    before = set(desk.border.registry.calls)
    onward = desk.exchange(desk.phone, desk.access, request, desk.softswitch)
    (id,) = set(desk.border.registry.calls) - before
    return id, request, onward


def refused(desk: Desk, status: bytes, *more: bytes) -> str:
    """A call that the softswitch answers so."""
    id, request, onward = asked(desk)
    back = desk.exchange(desk.softswitch, desk.core, plain_answer(onward, status, *more), desk.phone)
    desk.phone.send(desk.access.address, hop_request(b"ACK", request, back))
    settle(desk)
    desk.softswitch.data()
    return id


def unanswered(desk: Desk) -> str:
    """A call of which the softswitch says nothing."""
    id, _, _ = asked(desk)
    pass_time(desk, 40)
    return id


def rang_out(desk: Desk) -> str:
    """A call that rings, and nobody answers."""
    id, _, onward = asked(desk)
    desk.exchange(desk.softswitch, desk.core, plain_answer(onward, b"180 Ringing"), desk.phone)
    pass_time(desk, 200)
    return id


def cancelled(desk: Desk, rings: bool = True) -> str:
    """A call that the caller gives up, while it rings or before anything was heard."""
    id, request, onward = asked(desk)
    if rings:
        desk.exchange(desk.softswitch, desk.core, plain_answer(onward, b"180 Ringing"), desk.phone)
    pass_time(desk, 5)
    desk.phone.send(desk.access.address, hop_request(b"CANCEL", request))
    settle(desk)
    if rings:
        cancel = next(data for data in desk.softswitch.data() if data.startswith(b"CANCEL "))
        desk.softswitch.send(desk.core.address, plain_answer(cancel, b"200 OK"))
        desk.softswitch.send(desk.core.address, plain_answer(onward, b"487 Request Terminated"))
        settle(desk)
    pass_time(desk, 40)
    return id


def without_ports(desk: Desk) -> str:
    """A call for which there are no media ports."""
    pool = desk.border.registry.media_ports["core"]
    while pool.take(0.0) is not None:
        pass
    desk.phone.send(desk.access.address, invite(PHONE))
    settle(desk)
    return next(story.call for story in desk.runner.memory.find("") if story.call)


def hung_up(desk: Desk) -> str:
    """A call that ends as calls should."""
    id, request, onward = asked(desk)
    back = desk.exchange(desk.softswitch, desk.core, answer(onward, desk.softswitch.address.host), desk.phone)
    desk.phone.send(desk.access.address, inside(request, back, b"ACK", 1))
    settle(desk)
    desk.talk(id, 5, 5)
    pass_time(desk, 65)
    desk.softswitch.data()
    bye = desk.exchange(desk.phone, desk.access, inside(request, back), desk.softswitch)
    desk.exchange(desk.softswitch, desk.core, plain_answer(bye, b"200 OK"), desk.phone)
    settle(desk)
    return id


def one_way(desk: Desk, there: int, back: int) -> str:
    """A call on which only one speaks, up for a while."""
    id = desk.call()
    with suppress(AssertionError):
        desk.talk(id, there, back)
    pass_time(desk, 10)
    return id


FULL = Limits(calls=1)
