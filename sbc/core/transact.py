"""The life of an exchange: retransmission, confirmation, withdrawal, answers, and what they do to call and binding."""

from __future__ import annotations

from typing import Any

import attrs

from sbc.core import account, asking, front, gathering, keepalive, probing, pulse, released, sessions, standin
from sbc.core.asking import finish, retry_later
from sbc.core.call import Call, CallState
from sbc.core.crossing import Crossing
from sbc.core.drain import turn_probe_away
from sbc.core.exchange import Exchange, ExchangeState, Hop, mark
from sbc.core.message import BadMessage, Cause, Ending, Intent, Keys, Kind, Phase, Refused, Who
from sbc.core.onward import hop_to
from sbc.core.orders import Note, Order
from sbc.core.outcome import conclude
from sbc.core.realm import Side
from sbc.core.registry import Arrival, Registry
from sbc.core.routing import known_elsewhere, known_here
from sbc.core.trust import again, repeat
from sbc.core.undo import undo

State = ExchangeState
MOST_PIECES = 64
"""Pieces of one answer that are kept to be said again."""
MOST_RECEIPTS = 16
"""Requests of ours in one call that may be unanswered for another to be sent because of an answer: else answers that
differ, which cost their sender nothing, would each have us repeat a request for half a minute."""


def absorb_request(
    registry: Registry, dialect: Any, message: Any, intent: Intent, arrival: Arrival
) -> list[Order] | None:
    """What a request that the SBC can deal with by itself asks for; None if it has to cross.

    @raises Refused when it takes back what is not there, or asks whether calls may come that may not.
    """
    near = registry.asker(arrival, intent)
    known = known_here(registry, near, intent)
    if intent.phase is Phase.CONFIRM:
        told = pulse.answered(registry, dialect, message, intent, arrival) if intent.tells else None
        return _confirmed(registry, known, arrival.now) if told is None else told
    if known is None and intent.kind is Kind.OPEN:
        known = known_elsewhere(registry, intent, arrival)
        if known is not None:
            registry.touch(known.call)
            moved = registry.move_exchange(known, near, arrival.now)
            return [*moved, *again(registry, known)]
    if known is not None:
        return again(registry, known)
    if intent.phase is Phase.WITHDRAW:
        return _withdraw(registry, dialect, message, intent, arrival)
    if intent.probe and _asks_for_us(registry, intent, arrival):
        if registry.plan.realms[near.listener.realm].side is Side.CORE:
            turn_probe_away(registry, arrival)
        return [near.send(dialect.accept(message, arrival.source), None)]
    return None


def _asks_for_us(registry: Registry, intent: Intent, arrival: Arrival) -> bool:
    if intent.hops == 0:
        return True
    realm = registry.plan.realms[arrival.listener.realm]
    target = intent.target
    return (
        realm.side is Side.CORE
        and target is not None
        and not target.token
        and registry.networks.is_ours(realm, target.place.address.host)
    )


def _confirmed(registry: Registry, known: Exchange | None, now: float) -> list[Order] | None:
    if known is None or known.state is State.ACCEPTED:
        return None
    if known.state is State.REFUSED:
        return finish(registry, known, State.DONE, now)
    return []


def _withdraw(registry: Registry, dialect: Any, message: Any, intent: Intent, arrival: Arrival) -> list[Order]:
    near = registry.asker(arrival, intent)
    asked = registry.exchanges.get(near.key(intent, intent.withdraws))
    if asked is None:
        raise Refused(Cause.NO_CALL, "nothing to withdraw")
    own = Exchange(
        dialect=arrival.listener.dialect,
        intent=intent,
        timing=dialect.timing(intent),
        token=b"",
        near=near,
        far=None,
        answer=dialect.accept(message, arrival.source),
    )
    registry.add_exchange(own, arrival.now)
    registry.join(own, asked.call)
    orders = finish(registry, own, State.DONE, arrival.now)
    orders += own.back(own.answer)
    asked.taken_back = arrival.data
    registry.touch(asked.call)
    if asked.state is State.TRYING:
        # it may not be taken back before the other side has been heard (RFC 3261 section 9.1)
        asked.state = State.WITHDRAWING
    elif asked.state is State.PROCEEDING:
        orders += send_withdrawal(registry, dialect, asked, arrival.now)
    return orders


def ask(
    registry: Registry, dialect: Any, call: Call | None, far: Hop, data: bytes, now: float, leg: int | None = None,
    releases: tuple[bytes, tuple[str, ...]] | None = None,
) -> list[Order]:  # fmt: skip
    """Send a request of our own, `data`, and see that it is heard; nobody waits for its answer, but where it asks
    whether the `call` lives on that `leg`, or `releases` a member."""
    try:
        intent = dialect.describe(message := dialect.decode(data))
    except BadMessage as bad:  # it is made of what a peer had said, and nobody could read it
        return [Note("untold", bad.reason, call.id if call is not None else "")]
    if intent.phase is not Phase.REQUEST and intent.phase is not Phase.WITHDRAW:  # nobody answers it
        return [far.send(data, call)]
    own = Exchange(
        dialect=dialect.name,
        intent=intent,
        timing=dialect.timing(intent),
        token=b"",
        near=None,
        far=far,
        sent=data,
        asks=leg,
        releases=releases,
        memo=dialect.remember(message) if releases else None,
    )
    asking.enter(registry, own, now)
    registry.join(own, call)
    if call is not None and call.session is not None and leg is not None:
        call.session.open.add(own)
    return [*own.onward(data)]


def send_withdrawal(
    registry: Registry, dialect: Any, asked: Exchange, now: float, ending: Ending | None = None
) -> list[Order]:
    """Take a request back that the other side is at work on; of our own accord for the `ending`."""
    assert asked.far is not None
    data = dialect.withdraw(asked.sent, dialect.decode(asked.taken_back) if asked.taken_back else None, ending)
    asked.state = State.WITHDRAWN
    asked.deadline = now + asked.timing.limit
    registry.timers.set(asked, asked.deadline)
    return ask(registry, dialect, asked.call, asked.far, data, now)


def begin(registry: Registry, exchange: Exchange, sent: bytes, onward: Keys, now: float) -> list[Order]:
    """A request has crossed as `sent`, to be found by `onward` there. Returns what follows its sending."""
    assert exchange.far is not None
    exchange.sent = sent
    if exchange.call is not None:
        keepalive.attend(registry, exchange.call, now)
        onward_leg = exchange.call.legs[1 - exchange.arrival_leg]
        onward_leg.numbers.sent(onward_leg.numbers.onward(exchange.intent.sequence))
        if onward.call:
            registry.name_call(exchange.call, onward_leg, onward.call)
        if exchange.ends_call and exchange.call.state is not CallState.CLOSED:
            exchange.call.life.hang_up()
            cause = exchange.intent.cause or f"hung up in {exchange.near.listener.realm}"  # type: ignore[union-attr]
            exchange.call.because(cause, Ending.NORMAL, Who.CALLEE if exchange.arrival_leg else Who.CALLER)
    if exchange.intent.phase is Phase.CONFIRM:  # nobody answers it: if it ends the call, it does so now
        if not exchange.ends_call or exchange.call is None or exchange.call.state is CallState.CLOSED:
            return []
        if exchange.call.answered_at is None:
            return _cut_short(registry, exchange, exchange.call, now)
        return conclude(registry, exchange, attrs.evolve(exchange.intent, phase=Phase.SUCCESS), now)
    probing.asked(registry, exchange, now)
    asking.await_answer(registry, exchange, onward.exchange, now)
    return []


def _cut_short(registry: Registry, exchange: Exchange, call: Call, now: float) -> list[Order]:
    """A party ends a call that nobody has answered, and nobody says that it has: the attempt has failed."""
    opening = call.opening
    orders = finish(registry, opening, State.DONE, now) if opening is not None and opening.open else []
    by_callee = exchange.arrival_leg == 1
    ending = exchange.intent.ending or Ending.FAILED if by_callee else Ending.CANCELLED
    call.because(exchange.intent.cause or ending.value, ending, Who.CALLEE if by_callee else Who.CALLER)
    call.life.fail()
    return orders + registry.close_call(call, now)


def absorb_reply(
    registry: Registry, dialect: Any, message: Any, intent: Intent, exchange: Exchange, arrival: Arrival
) -> list[Order] | None:
    """What an answer asks for that does not have to cross; None if it has to."""
    now = arrival.now
    if exchange.near is None:  # to a request of our own
        if intent.phase.final and exchange.tends:
            return keepalive.answered(registry, exchange, intent, now)
        if intent.phase.final and exchange.neighbour is not None:
            return probing.probed(registry, exchange, intent, now)
        if not intent.phase.final or not exchange.open:
            return []
        told = sessions.answered(registry, exchange, intent, now) if exchange.asks is not None else []
        told += released.counted(dialect, message, exchange, now)
        return told + finish(registry, exchange, State.DONE, now) + released.settled(exchange, now)
    if exchange.heard in (arrival.data, mark(arrival.data)):
        if exchange.timing.prolonged and exchange.state is State.PROCEEDING:
            _proceed(registry, exchange, now)  # it may be said in the same words each time
        return _heard_again(exchange)
    if intent.phase in (Phase.PENDING, Phase.PROVISIONAL):
        if exchange.state is State.WITHDRAWING:
            return send_withdrawal(registry, dialect, exchange, now)
        again = intent.mute and exchange.answer is not None and exchange.state is State.TRYING
        if intent.phase is Phase.PROVISIONAL and not again:
            return None if exchange.open else []
        if exchange.state is State.TRYING:
            _proceed(registry, exchange, now)
        return []
    if exchange.open or (intent.phase is Phase.SUCCESS and not exchange.spent):
        return None
    # a failure after the exchange has ended: acknowledged, so that it stops, and no more
    confirmation = dialect.confirm(exchange.sent, message) if exchange.sent else None
    return [*exchange.onward(confirmation)] if confirmation is not None else []


def _heard_again(exchange: Exchange) -> list[Order]:
    orders: list[Order] = []
    if exchange.confirmation is not None:
        orders += exchange.onward(exchange.confirmation)
    if exchange.open or exchange.state is State.ACCEPTED:  # refused, it has its own schedule; done, the asker has it
        orders += exchange.back(exchange.answer)
    return orders


def _proceed(registry: Registry, exchange: Exchange, now: float) -> None:
    first, exchange.state = exchange.state is State.TRYING, State.PROCEEDING
    ended = exchange.call is not None and exchange.call.state is CallState.CLOSED
    if exchange.timing.quiet and (first or not ended):  # of what has ended nobody may go on alerting for ever
        registry.timers.set(exchange, now + exchange.timing.patience)
    elif first or exchange.timing.prolonged:
        exchange.deadline = max(exchange.deadline, now + exchange.timing.patience)
    if first and exchange.timing.slow:
        retry_later(registry, exchange, now)


def settle(
    registry: Registry,
    dialect: Any,
    message: Any,
    exchange: Exchange,
    crossing: Crossing,
    out: bytes,
) -> list[Order]:
    """An answer has crossed as `out`: bring exchange, call and bindings up to date."""
    intent, now = crossing.intent, crossing.arrival.now
    exchange.heard, exchange.answer = crossing.arrival.data, out
    exchange.told = exchange.told or not intent.mute
    if intent.phase is Phase.PROVISIONAL and intent.receipt and exchange.intent.local:
        exchange.pieces = tuple(dict.fromkeys((*exchange.pieces, out)))[:MOST_PIECES]
    call = exchange.call
    if call is not None and intent.party and not registry.is_named(call, call.legs[crossing.from_leg], intent.call):
        registry.name_call(call, call.legs[crossing.from_leg], intent.call)
        back = dialect.keys(message, crossing)
        registry.name_call(call, call.legs[1 - crossing.from_leg], back.call)  # its full name now, on both sides
    orders: list[Order] = []
    if intent.receipt and exchange.intent.local and intent.phase is not Phase.FAILURE:
        orders += exchange.acknowledge(dialect.confirm(exchange.sent, message))
    if intent.phase is Phase.PROVISIONAL:
        if exchange.state in (State.TRYING, State.PROCEEDING):
            _proceed(registry, exchange, now)
        if exchange.receives and intent.receipt:
            orders += _receive(registry, dialect, exchange, crossing)
    elif intent.phase is Phase.SUCCESS:
        exchange.undo = ()
        if not (intent.receipt and exchange.intent.local and repeat(registry, exchange, now)):
            orders += finish(registry, exchange, State.ACCEPTED if exchange.timing.confirmed else State.DONE, now)
        orders += _bound(registry, dialect, exchange, crossing, out)
    else:
        orders += exchange.acknowledge(dialect.confirm(exchange.sent, message))
        orders += _failed(registry, exchange, intent, now)
    orders += conclude(registry, exchange, intent, now)
    if call is not None:
        sessions.heard(registry, call, exchange, intent, now)
        keepalive.attend(registry, call, now)
    if not exchange.open and not exchange.timing.confirmed:
        exchange.sent, exchange.heard = b"", mark(exchange.heard)
        if exchange.intent.kind is Kind.BIND:
            exchange.let_go()  # very many terminals register at once when they come back
            orders += registry.drop_pending(exchange, now) if intent.phase is Phase.SUCCESS else []
    return orders


def is_busy(call: Call) -> bool:
    """Whether so many requests of our own in `call` are unanswered that an answer is to cost no further one."""
    return sum(each.near is None and each.open for each in call.exchanges) >= MOST_RECEIPTS


def _receive(registry: Registry, dialect: Any, exchange: Exchange, crossing: Crossing) -> list[Order]:
    """Tell a party that its provisional answer has arrived, since whoever had asked would not."""
    call, intent = exchange.call, crossing.intent
    leg = call.legs[crossing.from_leg] if call is not None else None
    if call is None or leg is None or leg.latest is None:
        return []
    if is_busy(call):
        return [Note("untold", "too many receipts are unanswered", call.id)]
    place = leg.latest._replace(route=leg.route(intent.party))
    hop, arrival = hop_to(leg, place), crossing.arrival
    data = dialect.receipt(arrival.data, place, hop.listener, registry.mint.token(), leg.numbers.own())
    if data is None:
        return []
    note = Note("receipt", "a provisional answer was received for its asker", call.id)
    return [note, *ask(registry, dialect, call, hop, data, arrival.now)]


def _bound(registry: Registry, dialect: Any, exchange: Exchange, crossing: Crossing, out: bytes) -> list[Order]:
    """The registrar has said yes: what it granted is bound, what it no longer names is gone."""
    if exchange.intent.kind is not Kind.BIND or exchange.near is None:
        return []
    orders: list[Order] = []
    for binding in exchange.bindings:
        if binding.id not in registry.bindings:
            continue
        if crossing.granted.get(binding, 0) > 0:
            orders += front.bind(registry, dialect, binding, crossing, dialect.keep(out))
        else:
            orders += registry.forget_binding(binding, "taken off by the registrar", crossing.arrival.now)
    return orders


def _failed(registry: Registry, exchange: Exchange, answer: Intent, now: float) -> list[Order]:
    """The exchange has failed: repeat that until acknowledged, where the protocol wants it; undo what was offered."""
    repeats = exchange.timing.confirmed or (answer.receipt and exchange.intent.local)
    orders = [] if repeats and repeat(registry, exchange, now) else finish(registry, exchange, State.DONE, now)
    # nobody is asked for credentials in the middle of media, and a flood of attempts is to keep no ports from others
    return orders + undo(registry, exchange, now, rest=answer.phase is not Phase.CHALLENGE)


def give_up(
    registry: Registry, dialect: Any, exchange: Exchange, refused: Refused, now: float, ending: Ending | None = None
) -> list[Order]:
    """Answer a request ourselves, since the other side will not. `ending` is its call's, if not as the cause has it."""
    if exchange.near is None:
        if exchange.tends:
            return keepalive.missed(registry, dialect, exchange, refused.told, now)
        if exchange.neighbour is not None and exchange.instead is None:
            return probing.missed(registry, exchange, now)
        if exchange.asks is not None:
            sessions.missed(registry, exchange, refused, now)
        return registry.forget_exchange(exchange, now) + released.settled(exchange, now)
    registry.touch(exchange.call)
    near, asked, refused.ending = exchange.near, dialect.decode(exchange.asked), ending
    exchange.answer = standin.refusal(registry, dialect, asked, refused, near.listener, near.peer)
    orders: list[Order] = [*exchange.back(exchange.answer)]
    if exchange.timing.blunt and exchange.state is State.TRYING and refused.cause is not Cause.UNREACHABLE:
        orders += exchange.onward(dialect.withdraw(exchange.sent, None, ending))
    failure = attrs.evolve(
        exchange.intent,
        phase=Phase.FAILURE,
        cause=f"{dialect.word(refused.cause) or refused.cause.value}: {refused.told}",
        ending=ending or account.ending_of(refused.cause, exchange.call),
    )
    orders += _failed(registry, exchange, failure, now)
    said = {"cause": refused.cause.value, "method": exchange.intent.method}
    orders.append(Note("gave-up", refused.told, exchange.call_id, said))
    return orders + conclude(registry, exchange, failure, now, Who.SBC)


def refuse_answer(
    registry: Registry, dialect: Any, exchange: Exchange, answer: Intent, refused: Refused, now: float
) -> list[Order]:
    """An answer cannot cross: the asker is refused instead, unless it has its answer already."""
    if not exchange.open:
        said = {"cause": refused.cause.value, "method": answer.method}
        return [Note("refused", refused.told, exchange.call_id, said)]
    orders: list[Order] = []
    goes_on = answer.phase is Phase.PROVISIONAL or (exchange.timing.blunt and answer.phase is Phase.SUCCESS)
    if exchange.timing.quiet and goes_on and exchange.state is not State.WITHDRAWN:  # the other side would
        ending = account.ending_of(refused.cause, exchange.call)
        orders += send_withdrawal(registry, dialect, exchange, now, ending)
    return orders + give_up(registry, dialect, exchange, refused, now)


def wake_exchange(registry: Registry, dialect: Any, exchange: Exchange, now: float) -> list[Order]:
    """The exchange's deadline has come."""
    state = exchange.state
    if state in (State.ACCEPTED, State.DONE):
        return gathering.unheard(registry, exchange, now) + registry.forget_exchange(exchange, now)
    if state is State.REFUSED:
        if now >= exchange.deadline:
            return finish(registry, exchange, State.DONE, now)
        retry_later(registry, exchange, now)
        return [*exchange.back(exchange.answer)]
    if state is State.PROCEEDING and exchange.timing.quiet:
        orders = send_withdrawal(registry, dialect, exchange, now, Ending.NO_ANSWER)
        return orders + give_up(registry, dialect, exchange, Refused(Cause.TIMEOUT, "nobody answered in time"), now)
    if state is State.WITHDRAWN or (state is State.WITHDRAWING and now >= exchange.deadline):
        return give_up(registry, dialect, exchange, Refused(Cause.WITHDRAWN, "withdrawn"), now)
    if now >= exchange.deadline:
        return give_up(registry, dialect, exchange, Refused(Cause.TIMEOUT, "no answer from the next hop"), now)
    retry_later(registry, exchange, now)
    return [] if exchange.far is not None and exchange.far.reliable else [*exchange.onward(exchange.sent)]
