"""Protection from floods: a guard in each realm, one list of bans, one processor whose time they share."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from itertools import islice
from typing import Any

from sbc.core.address import Address, network_of
from sbc.core.message import Cause, Intent
from sbc.core.orders import Listener, Note
from sbc.policy.bans import Ban, Bans, Key
from sbc.policy.events import Message, Outcome, Standing, Verdict
from sbc.policy.flooding import Flooding, Rank
from sbc.policy.guard import Guard
from sbc.policy.load import DROPPED, OVERHEAD, Load

PUSHES = 500
"""Bans that are handed on at most in one tick: what comes beyond that waits for the next."""
MOST_SAID = 1_000
AGAIN = 5.0
"""Seconds after which the sink is asked again."""
SWEEP = 200
"""Terminals of each realm that are looked at in one tick."""


def _nobody(realm: str, source: Address, now: float) -> bool:
    return False


class Flood:
    """See above. `sink` (IBanSink) drops what is banned before it reaches us, where there is one; `exempt` says of a
    realm and an address whether the core trusts who is there; `said` are decisions to be logged and counted."""

    def __init__(self) -> None:
        self.bans = Bans()
        self.load = Load()
        self.guards: dict[str, Guard] = {}
        self.sink: Any = None
        self.exempt: Callable[[str, Address, float], bool] = _nobody
        self.said: list[Note] = []
        self.unpushed: dict[Key, None] = {}  # bans that the sink has not taken, and is asked to again
        self._again_at = 0.0
        self._serving: Guard | None = None

    def replan(self, floods: dict[str, Flooding | None]) -> None:
        """Protect these realms from now on; None: not. What is known of sources stays, and so do bans."""
        for realm in [name for name in self.guards if floods.get(name) is None]:
            del self.guards[realm]
        for realm, limits in floods.items():
            if limits is None:
                continue
            guard = self.guards.get(realm)
            if guard is None:
                self.guards[realm] = Guard(realm, limits, self.bans, self.load, self._is_exempt, self._say)
            else:
                guard.replan(limits)

    # -- what comes and what becomes of it

    def banned(self, realm: str, source: Address, now: float) -> bool:
        """Whether nothing is taken from `source`, whoever it is. Asked of all that comes, before anything else."""
        there = self.bans.hard.get(realm)
        if not there or (source not in there and not self._is_host_banned(there, realm, source, now)):
            return False
        self.load.use(DROPPED, now)
        return True

    def _is_host_banned(self, there: dict[object, Ban], realm: str, source: Address, now: float) -> bool:
        host = network_of(source[0])
        if host not in there:
            return False
        guard = self.guards.get(realm)
        return guard is None or not guard.spares(source, host, now)

    def knock(
        self,
        listener: Listener,
        source: Address,
        standing: Standing,
        proven: str,
        now: float,
        unproven: bool = False,
    ) -> str:
        """See IPolicy.knock. `unproven`: a certificate may still be shown."""
        self._serving = guard = self.guards.get(listener.realm)
        if guard is None:
            return ""
        word = guard.knock(source, standing, proven, now, unproven)
        if word:
            self.load.use(DROPPED, now)
        return word

    def spent(self, seconds: float, now: float) -> None:
        """So long was spent on what has knocked last."""
        self.load.use(seconds + OVERHEAD, now)
        guard, self._serving = self._serving, None
        if guard is not None and guard.serving is not None:
            guard.serving.use(seconds + OVERHEAD)

    def worked(self, realm: str, source: Address, standing: Standing, seconds: float, now: float) -> None:
        """So long was spent on a connection of `source`'s before anything has come by it."""
        self.load.use(seconds, now)
        guard = self.guards.get(realm)
        if guard is not None and standing not in (Standing.TRUSTED, Standing.TRUNK):
            guard.shares[Rank.REGISTERED if source in guard.known else Rank.STRANGER].use(seconds)

    def scanner(self, message: Message, now: float) -> Verdict | None:
        """See Guard.scanner."""
        guard = self.guards.get(message.listener.realm)
        return None if guard is None else guard.scanner(message, now)

    def scans(self, message: Message) -> bool:
        """Whether a message was made by what is known to be a scanner; nothing is counted."""
        guard = self.guards.get(message.listener.realm)
        return guard is not None and guard.scans(message)

    def message(self, message: Message, now: float) -> Verdict | None:
        """See IPolicy.message."""
        guard = self.guards.get(message.listener.realm)
        return None if guard is None else guard.message(message, now)

    def outcome(
        self,
        outcome: Outcome,
        listener: Listener,
        source: Address,
        intent: Intent | None,
        cause: Cause | None,
        now: float,
    ) -> None:
        """See IPolicy.outcome."""
        guard = self.guards.get(listener.realm)
        if guard is not None:
            guard.outcome(outcome, source, intent, cause, listener.reliable, now)

    def met(self, realm: str, source: Address, now: float) -> None:
        """A terminal that was registered before a restart is at `source`."""
        guard = self.guards.get(realm)
        if guard is not None:
            guard.meet(source, now)

    # -- time

    def tick(self, now: float) -> list[Key]:
        """What is to be done about ten times a second: bans end, and are handed on. Returns those that have come,
        changed or gone, for whoever keeps them."""
        for ban in self.bans.expire(now):
            self._say(Note("unbanned", "its time is over", "", {"source": str(ban), "realm": ban.realm}))
        for guard in self.guards.values():
            guard.sweep(SWEEP, now)
        self._push_again(now)
        news, keys = self.bans.news, list[Key]()
        while news and len(keys) < PUSHES:
            key = next(iter(news))
            del news[key]
            keys.append(key)
            self._push(key, now)
        return keys

    def _push(self, key: Key, now: float) -> None:
        if self.sink is None or "/" in key[1]:  # no sink knows networks
            return
        self.unpushed.pop(key, None)
        ban = self.bans.get(key)
        if ban is None or self.bans.is_soft(ban):
            self.sink.lift(*key)
        elif not self.sink.ban(*key, ban.until - now):
            if not self.unpushed:
                self._again_at = now + AGAIN
            self.unpushed[key] = None

    def _push_again(self, now: float) -> None:
        """What the sink had no room for, or could not take, it may by now."""
        if self.unpushed and not 0.0 < self._again_at - now <= AGAIN:
            self._again_at = now + AGAIN
            for key in list(islice(self.unpushed, PUSHES)):
                self._push(key, now)

    def drain(self) -> list[Note]:
        """The decisions since this was last asked."""
        said, self.said = self.said, []
        return said

    # -- what operators do

    def ban(self, realm: str, host: str, port: int, seconds: float, reason: str, now: float) -> Ban:
        """Ban by hand: whatever is known of who is there. @raises ValueError where that is no address."""
        host = str(ip_address(host)) if port else network_of(str(ip_address(host)))
        ban = Ban(realm, host, port, reason, now, now + seconds, 0, kept=True)
        self.bans.add(ban)
        self._say(Note("banned", reason, "", {"source": str(ban), "realm": realm, "seconds": f"{seconds:.0f}"}))
        return ban

    def lift(self, key: Key) -> bool:
        """Ban no more, and forget what it was for; whether there was such a ban."""
        realm, host, port = key
        key = key if port else (realm, network_of(host), 0)
        ban = self.bans.lift(key)
        guard = self.guards.get(key[0])
        if guard is not None:
            guard.forgive(key[1], key[2])
        if ban is not None:
            self._say(Note("unbanned", "by an operator", "", {"source": str(ban), "realm": ban.realm}))
        return ban is not None

    def resume(self, ban: Ban, now: float) -> bool:
        """A ban was there before a restart; whether it goes on."""
        if ban.until <= now:
            return False
        guard = self.guards.get(ban.realm)
        houses = guard is not None and not ban.port and guard.terminals.honest(ban.host) > 0
        self.bans.add(ban, soft=houses and not ban.kept)
        return True

    def _is_exempt(self, realm: str, source: Address, now: float) -> bool:
        return self.exempt(realm, source, now)

    def _say(self, note: Note) -> None:
        if len(self.said) < MOST_SAID:
            self.said.append(note)
