"""What a store would hold of a border in memory, and a border made anew out of that: a restart without a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import attrs

from sbc.core.border import Border
from sbc.core.call import Call
from sbc.core.exchange import Exchange
from sbc.core.mint import Mint
from sbc.core.orders import Order
from sbc.core.plain import Frame, Unfit
from sbc.core.promises import Promise
from sbc.core.realm import Plan
from sbc.core.snapshot import lasts, pack, plain_of
from tests.outside import Outside
from tests.rig import SECRET, Rig

SHIFT = 1_000_000.25
"""From the borders' clock to the time of day."""
UNTOLD = ("told_at", "expires_at", "due", "comes_back")
"""What an absorbed refresh changes of a binding without its being written: after a restart it counts from there."""


def value(border: Border, owner: Any, number: int = 0) -> bytes:
    return pack(kind_of(owner), plain_of(owner, border.dialects, Frame(border.plan, SHIFT, number)))


def kind_of(owner: Any) -> str:
    """What it is kept as."""
    kinds = {Call: "call", Promise: "promise", Exchange: "answer"}
    return kinds.get(type(owner), "binding")


def id_of(owner: Any) -> str:
    """What it is found by among its kind."""
    return str(owner.kept if isinstance(owner, Exchange) else owner.id)


def owners_of(border: Border) -> list[Any]:
    """What lasts of a border, bindings first and calls last."""
    registry = border.registry
    answered = sorted((each for each in registry.live_exchanges if each.kept), key=id_of)
    there = (*registry.bindings.values(), *registry.promises.all(), *answered, *registry.calls.values())
    return [each for each in there if lasts(each)]


def compared(data: bytes) -> Any:
    """A value as far as it must be up to date."""
    plain = json.loads(data)
    return {name: each for name, each in plain.items() if plain["what"] == "call" or name not in UNTOLD}


def differences(held: Any, there: Any, at: str = "") -> Iterator[str]:
    """Where two values differ, one line each."""
    if isinstance(held, dict) and isinstance(there, dict) and held.keys() == there.keys():
        for name in there:
            yield from differences(held[name], there[name], f"{at}.{name}")
    elif isinstance(held, list) and isinstance(there, list) and len(held) == len(there):
        for index, each in enumerate(there):
            yield from differences(held[index], each, f"{at}[{index}]")
    elif held != there:
        yield f"{at} is kept as {held!r:.300}, but is {there!r:.300}"


@attrs.define
class Kept:
    """Values by kind and id, brought up to date as the service does it: only of what was touched."""

    border: Border
    values: dict[tuple[str, str], bytes] = attrs.field(factory=dict)
    written: int = 0
    runs: int = 0
    unfit: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.border.registry.changed = {}

    def flush(self) -> None:
        changed = self.border.registry.changed
        assert changed is not None
        for owner in changed:
            key = (kind_of(owner), id_of(owner))
            if owner in owners_of(self.border):
                self.values[key] = value(self.border, owner)
                self.written += 1
            else:
                self.values.pop(key, None)
        changed.clear()

    def faults(self) -> list[str]:
        """What is not written as it is."""
        now = {(kind_of(each), id_of(each)): value(self.border, each) for each in owners_of(self.border)}
        faults = [f"{key} is not kept" for key in now.keys() - self.values.keys()]
        faults += [f"{key} is kept but gone" for key in self.values.keys() - now.keys()]
        for key in now.keys() & self.values.keys():
            faults += [f"{key}: {each}" for each in differences(compared(self.values[key]), compared(now[key]))]
        return faults

    def restart(self, outside: Outside, away: float = 1.0) -> None:
        """The process is killed and another takes up what is kept; nothing else of it stays."""
        self.runs += 1
        old, self.border = (
            self.border,
            Border(outside.border.plan, self.border.dialects, Mint(SECRET, b"%d" % self.runs)),
        )
        del old
        self.border.registry.changed = {}
        ended = {id for id, told in outside.told.items() if told[-1] == "close"}
        outside.told = {id: told for id, told in outside.told.items() if id in ended or ("call", id) in self.values}
        outside.killed(self.border)
        outside.now += away
        order = ("binding", "promise", "answer", "call")
        for (kind, id), data in sorted(self.values.items(), key=lambda each: (order.index(each[0][0]), each[0][1])):
            try:
                if kind != "call":
                    orders = self.border.resume(kind, data, outside.now, SHIFT)
                else:
                    call, orders = self.border.resume_call(data, outside.now, SHIFT, away)
                    outside.told[call.id] = ["open"]  # it may have ended, unwritten
            except Unfit as unfit:
                self.unfit.append(f"{kind} {id}: {unfit}")
                del self.values[kind, id]
                outside.told.pop(id, None)
                continue
            outside.carry_out(orders)
        self.flush()


def values_of(border: Border, number: int = 0) -> list[tuple[str, bytes]]:
    """What lasts of a border, bindings first, as kind and value."""
    return [(kind_of(each), value(border, each, number)) for each in owners_of(border)]


def restarted(
    rig: Rig, away: float = 1.0, plan: Plan | None = None, run: bytes = b"again", number: int = 1, kept: int = 0
) -> tuple[Rig, list[Order]]:
    """A rig with what lasts of another, in another process (the `run` is another's, too, its number after that of the
    one that kept it); and the orders by which that began."""
    dialects = rig.border.dialects
    made = Rig(Border(plan or rig.border.plan, dialects, Mint(SECRET, run)), 5.0 + away)
    shift = SHIFT + rig.now - 5.0  # the other process has another clock
    orders: list[Order] = []
    for kind, data in values_of(rig.border, kept):
        if kind == "call":
            orders += made._take(made.border.resume_call(data, made.now, shift, away, number)[1])
            continue
        with suppress(*[Unfit] * (kind == "answer")):  # nobody may need it any more
            orders += made._take(made.border.resume(kind, data, made.now, shift))
    return made, orders
