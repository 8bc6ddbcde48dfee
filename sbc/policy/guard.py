"""One realm's guard against floods: who is served, how well, and who is banned. The core tells it what became of what.

Whom nobody knows shares what the host it is at may send, and when the process is busy a small part of its time.
Registered terminals have theirs, and pay for nothing that their neighbours do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sbc.core.address import Address, network_of
from sbc.core.message import Cause, Intent, Kind, Phase
from sbc.core.orders import Note
from sbc.policy import conduct
from sbc.policy.bans import Ban, Bans
from sbc.policy.events import Act, Message, Outcome, Standing, Verdict
from sbc.policy.flooding import Flooding, Ill, Rank
from sbc.policy.load import Load, Share
from sbc.policy.prefixes import Prefixes
from sbc.policy.returning import Returning
from sbc.policy.source import Source, Sources
from sbc.policy.terminals import Terminals

BANNED, SOURCE_RATE, HOST_RATE, REALM_RATE, SHARE = "banned", "source-rate", "host-rate", "realm-rate", "share"
"""Why something is dropped."""

COURTED = 32.0
"""Seconds for which who was asked for credentials comes before those of whom nothing is known."""
ANSWERED = 3_600.0
"""Seconds for which who had a call answered ranks as who is registered."""
UNHEARD = 7_200.0
"""Seconds after which a terminal that says nothing is no longer counted as one."""
MOST_KNOWN = 1_000_000
PROBATION = 0.8
"""The part of the points for a ban that who was banned has when that is over."""
COMES_AGAIN, COMES_ANEW, HAD_ITS_TURN = 0.25, 0.5, 0.75
"""The parts of strangers' share that are kept for those before them; see `_turn`."""
TURN, AT_FIRST, TO_BE_BANNED = 32.0, 64.0, 256.0
"""Seconds after which a stranger has another turn; and those by which it may be ahead, without points and with some: an
honest one may have to ask twice, and who does wrong is to be read often enough to be banned."""
BEFORE = 0.5
"""The part of being busy from which on turns are counted: who has had his is put off first, and soonest."""
FAVOURS, MOST_FAVOURS = 4, 64
"""How often who was asked for credentials comes first: credentials may have to be sent again; and how often at most who
was asked for those of several lines."""
TRUSTED = 0.5
"""The part of the processor that one trusted source may have: half of a call's messages are its own at most."""
TERMINALS = 0.5
"""The part of terminals' share that is kept for them alone."""
STEP = 0.1
"""By so much more the process may be busy with them."""

# these are asked for at every packet
_CORES_OWN, _STRANGER, _TRUNK, _LONG = Standing.TRUSTED, Standing.STRANGER, Standing.TRUNK, Rank.TRUSTED
_WEIGHT: Final = {Rank.STRANGER: 1.0, Rank.REGISTERED: 0.5, Rank.TRUSTED: 0.25}


class Guard:
    """See above. `known` is who ranks as a terminal, by transport address; `users` are terminals by what they are
    registered as, wherever they send from."""

    def __init__(
        self,
        realm: str,
        limits: Flooding,
        bans: Bans,
        load: Load,
        exempt: Callable[[str, Address, float], bool],
        say: Callable[[Note], None],
    ) -> None:
        """`exempt`: whether who is at an address in a realm is never to be banned, since the core trusts it."""
        self.realm = realm
        self._bans = bans
        self._load = load
        self._exempt = exempt
        self._say = say
        self.terminals = Terminals(MOST_KNOWN)
        self.known = self.terminals.all
        self.strangers = Sources(limits.sources)
        self.hosts = Sources(limits.sources)
        self.users = Sources(limits.sources)
        self._whole = Source(0.0)
        self._returning: Returning | None = None  # two megabytes, for when they are needed
        self.serving: Share | None = None  # whose time is used by what was let in last
        self._agents: dict[bytes, bool] = {}
        self.shares = {rank: Share(0.0) for rank in (Rank.STRANGER, Rank.REGISTERED)}
        self.replan(limits)

    def replan(self, limits: Flooding) -> None:
        """What comes from now on is held to other limits."""
        self.limits = limits
        self._stranger = _pace(limits.stranger_rate, limits.stranger_burst)
        self._registered = _pace(limits.registered_rate, limits.registered_burst)
        self._trusted = _pace(limits.trusted_rate, limits.trusted_burst)
        self._host = _pace(limits.host_rate, limits.host_burst)
        self._realm = _pace(limits.realm_rate, limits.realm_burst)
        self._open = _pace(limits.open_rate, limits.open_burst)
        self._terminal = _pace(limits.terminal_rate, limits.terminal_burst)
        for rank, part in ((Rank.STRANGER, limits.stranger_share), (Rank.REGISTERED, limits.registered_share)):
            if self.shares[rank].part != part:
                self.shares[rank] = Share(part)
        self._strangers_share, self._terminals_share = self.shares[Rank.STRANGER], self.shares[Rank.REGISTERED]
        self._busy, self._trusted_after = limits.busy, limits.trusted_after
        self.strangers.most = self.hosts.most = self.users.most = limits.sources
        self._scanners = [name.lower().encode() for name in limits.scanners]
        self._agents.clear()
        self._spares = Prefixes((network, 1) for network in limits.never)
        self._trusts = limits.trusts

    # -- what comes

    def knock(self, source: Address, standing: Standing, proven: str, now: float, unproven: bool = False) -> str:
        """Why what comes from `source` is to be dropped; empty where it is to be read. See IPolicy.knock. `unproven`: a
        certificate may still be shown."""
        self.serving = None
        if standing is _CORES_OWN:
            return ""
        known = self.known.get(source)
        if known is None:
            if standing is _STRANGER and not proven:
                return self._from_stranger(source, None, now, unproven)
            known = self.meet(source, now)
        elif standing is _STRANGER and known.answered <= now and not proven:
            self._part(source)
            return self._from_stranger(source, known, now, unproven)
        known.heard = now
        if known.low_until > now:
            return self._from_stranger(source, known, now)
        if known.rank is not _LONG and now - known.since >= self._trusted_after:
            known.rank = _LONG
        if known.rank is _LONG or standing is _TRUNK or self._trusts.find(source[0]):
            return self._from_trusted(known, now)
        each, depth = self._registered
        if known.over(each, depth, now):
            return SOURCE_RATE
        share = self._terminals_share
        if self._load.level >= self._busy and not share.has(now):
            return SHARE
        self.serving = share
        return ""

    def _from_trusted(self, found: Source, now: float) -> str:
        """The same of who is trusted. Anybody may send datagrams in its name: when the process is busy none has more
        than its part of the time."""
        each, depth = self._trusted
        if found.over(each, depth, now):
            return SOURCE_RATE
        load = self._load
        if load.level < self._busy * BEFORE:
            return ""
        share = found.time
        if share is None:
            share = found.time = Share(TRUSTED)
            share.at, share.left = now, share.depth / 10.0  # what it has had until now made this busy
        if not share.has(now) and (load.level >= self._busy or load.behind):
            return SHARE
        self.serving = share
        return ""

    def _from_stranger(self, source: Address, known: Source | None, now: float, unproven: bool = False) -> str:
        """The same of who is served as strangers are. `known` is what is known of it, where it ranks as more."""
        host = network_of(source[0])
        if self._trusts.find(source[0]):
            return self._from_trusted(self.hosts.meet(host, now), now)
        closed = known is None and not unproven and self._bans.closed(self.realm, host)
        if closed and not self.spares(source, host, now):
            return BANNED
        found = known or self.strangers.get(source)
        share: Share | None = self._strangers_share
        level, busy = self._load.level, self._busy
        turns = level >= busy * BEFORE
        if turns:
            share = self._turn(source, found, known is None, level - busy, now)
            if share is None:
                return SHARE
        stranger = found or self.strangers.meet(source, now)
        each, depth = self._stranger
        if stranger.over(each, depth, now):
            if known is None:
                self._against(source, stranger, conduct.OVER, "far over its rate", False, now)
            return SOURCE_RATE
        each, depth = self._host
        if each and self.hosts.meet(host, now).over(each, depth, now):
            return HOST_RATE
        each, depth = self._realm
        if each and self._whole.over(each, depth, now):
            return REALM_RATE
        if turns:
            stranger.take_turn(TURN, TO_BE_BANNED if stranger.score else AT_FIRST, now)
        self.serving = share
        return ""

    def _turn(self, source: Address, found: Source | None, ranks: bool, over: float, now: float) -> Share | None:
        """Whose time a stranger has, though the process is busy, by `over` more than it should be (below 0: it is about
        to be); None: nobody's. Who has been asked for credentials comes first, and has what terminals leave of theirs:
        it is about to be one. Then who comes again: it may be honest. Last comes who has had its turns, and nothing
        came of it: it is no better than who has had none; `ranks`: it has nothing else to show. Who does wrong has more
        of them, for what is not read is never banned."""
        share = self._strangers_share
        if found is not None:
            if found.favours and found.asked > now:
                if over >= 0.0 and self._terminals_share.has(now, TERMINALS):
                    return self._terminals_share
                return share if over < 2 * STEP or share.has(now) else None
            if ranks and not found.has_turn(TURN, TO_BE_BANNED if found.score else AT_FIRST, now):
                return share if share.has(now, HAD_ITS_TURN) else None
        if over < 0.0:
            return share
        if self._returning is None:
            self._returning = Returning()
        if self._returning.comes_again(source, now):
            return share if over < STEP or share.has(now, COMES_AGAIN) else None
        return share if share.has(now, COMES_ANEW) else None

    def spares(self, source: Address, host: str, now: float) -> bool:
        """Whether a ban of `host` does not mean who is at `source`: one of a network that others are in."""
        if host == source[0]:
            return False
        spared = self._spares.find(source[0]) or self._trusts.find(source[0])
        return bool(spared) or self._exempt(self.realm, source, now)

    # -- what is understood

    def scanner(self, message: Message, now: float) -> Verdict | None:
        """Ban who calls itself what only scanners do: before any rule is asked, which might have it answered. A
        registered terminal is demoted: anybody may send a datagram in its name."""
        agent, source = message.intent.agent, message.source
        if not self.scans(message):
            return None
        found = self.known.get(source) or self.strangers.meet(source, now)
        sure = message.listener.reliable
        self._against(source, found, conduct.SCANS, f"it calls itself {_shown(agent)}", sure, now)
        return Verdict(Act.DROP, "scanner", "flood")

    def message(self, message: Message, now: float) -> Verdict | None:
        """See IPolicy.message. Asked when no rule is against it."""
        intent, source = message.intent, message.source
        if intent.welcome and intent.kind is Kind.OPEN and source not in self.known:  # a rule names who may call
            self._welcome(source, message.listener.reliable, now)
        if intent.urgent or intent.phase is not Phase.REQUEST or message.standing is Standing.TRUSTED:
            return None
        if message.terminal:
            each, depth = self._terminal
            if not each or intent.kind is Kind.CLOSE:
                return None
            if self.users.meet(message.terminal, now).over(each, depth, now):
                return Verdict(Act.REJECT, "terminal-rate", "flood", "too many requests", Cause.RATE, 10)
            return None
        if intent.kind is not Kind.OPEN or source in self.known:
            return None
        stranger = self.strangers.meet(source, now)
        each, depth = self._open
        if each and not self._trusts.find(source[0]) and stranger.over_open(each, depth, now):
            self._against(source, stranger, conduct.OPENS, "a flood of calls", message.listener.reliable, now)
            return Verdict(Act.DROP, "open-rate", "flood")
        return None

    def scans(self, message: Message) -> bool:
        """Whether it was made by what is known to be a scanner, which the core is never taken for."""
        agent = message.intent.agent
        return bool(agent) and message.standing is not Standing.TRUSTED and self._scans(agent)

    def _scans(self, agent: bytes) -> bool:
        known = self._agents.get(agent)
        if known is None:
            if len(self._agents) >= 1_000:
                self._agents.clear()
            said = agent.lower()
            known = self._agents[agent] = any(name in said for name in self._scanners)
        return known

    # -- what becomes of it

    def outcome(
        self, outcome: Outcome, source: Address, intent: Intent | None, cause: Cause | None, sure: bool, now: float
    ) -> None:
        """See IPolicy.outcome. `sure`: who sent it is where it says."""
        known = self.known.get(source)
        found = known or self.strangers.get(source)
        if found is None:
            if self._trusts.find(source[0]):
                return
            found = self.strangers.meet(source, now)
        if outcome is Outcome.CHALLENGED and intent is not None:
            found.asked = now + COURTED
            if not conduct.was_asked(found, intent):
                found.favours = min(found.favours + FAVOURS, MOST_FAVOURS)
        points, why = conduct.judge(found, outcome, intent, cause, self.limits, now)
        if outcome is Outcome.ACCEPTED and intent is not None:
            if intent.kind is Kind.OPEN:
                self._welcome(source, sure, now)
            elif intent.kind is Kind.BIND:
                self.meet(source, now)
        if points < 0:
            found.add(points, now, self.limits.half_life)
        elif points:
            self._against(source, found, points, why, sure, now)

    def meet(self, source: Address, now: float, guest: bool = False) -> Source:
        """Who is at `source` ranks as registered from now on, if it did not; a `guest` as long as there are not too
        many: anybody may have sent that in its name."""
        known = self.known.get(source)
        if known is None or (known.guest and not guest):
            known = known or self.strangers.drop(source) or Source(now)
            leaves = self.terminals.in_the_way(guest, self.limits.sources)
            if leaves is not None and leaves != source:
                self._part(leaves)
            self.terminals.enter(source, known, guest, now)
            self._bans.soften(self.realm, network_of(source[0]))
        return known

    def _welcome(self, source: Address, sure: bool, now: float) -> None:
        """Who is at `source` may call, or was answered, and ranks as registered for a while."""
        self.meet(source, now, not sure).answered = now + ANSWERED

    def _part(self, source: Address) -> None:
        """It does no longer."""
        self.strangers.enter(source, self.terminals.leave(source))

    def sweep(self, most: int, now: float) -> None:
        """Look at some of the terminals, those looked at longest ago: who has not been heard for long is none."""
        for _ in range(min(most, len(self.known))):
            source, known = next(iter(self.known.items()))
            if now - known.heard > UNHEARD:
                self._part(source)
            else:
                self.known.move_to_end(source)

    # -- bans

    def _against(self, source: Address, found: Source, points: float, why: str, sure: bool, now: float) -> None:
        """Points against a source. With too many it is demoted or banned; with too many of strangers' at a host, that
        is."""
        limits, known = self.limits, source in self.known
        if self._trusts.find(source[0]) or self._bans.get((self.realm, *source)) is not None:
            return  # in the second case it is of what came before
        found.chances = 3
        score = found.add(points * _WEIGHT[found.rank], now, limits.half_life)
        if known:
            found.since = now  # it is trusted only without a fault
        else:
            self._against_host(network_of(source[0]), min(points, limits.ban_score), why, sure, now)
        if score < limits.ban_score:
            return
        # who comes back after that, and goes on, is soon there again
        found.score, found.scored_at = PROBATION * limits.ban_score, now
        if known and found.low_until <= now:
            found.low_until, found.rank, found.since = now + limits.demotion, Rank.REGISTERED, now
            fields = {"source": str(source), "realm": self.realm, "seconds": f"{limits.demotion:.0f}"}
            self._say(Note("demoted", why, "", fields))
        elif known and not sure and limits.registered is Ill.DEMOTE:
            found.low_until = now + limits.demotion
        else:
            found.scored_at = self._ban(source[0], source[1], why, True, now)

    def _against_host(self, host: str, points: float, why: str, sure: bool, now: float) -> None:
        """The same points against all strangers at its host: one source counts once, however much it does at once."""
        there, most = self.hosts.meet(host, now), self.limits.host_score * (1 + self.terminals.honest(host))
        there.chances = 3
        if there.add(points, now, self.limits.half_life, sure) >= most:
            sure, there.score = there.sure >= most, 0.0
            self._ban(host, 0, f"the host as a whole: {why}", sure, now)

    def forgive(self, host: str, port: int) -> None:
        """What was done at `host`, or by one transport address there, no longer counts."""
        if port:
            self.strangers.drop(Address(host, port))
        else:
            self.hosts.drop(network_of(host))

    def _ban(self, host: str, port: int, why: str, longer: bool, now: float) -> float:
        """Ban, where that may be done, `longer` each time if that is so; until when."""
        if self._spares.search(host) or self._exempt(self.realm, Address(host, port), now):
            return now
        key = (self.realm, host, port)
        seconds, times = self.limits.ban, 0
        if longer:
            seconds, times = self._bans.term(key, seconds, self.limits.ban_longest, now)
        soft = not port and self.terminals.honest(host) > 0
        self._bans.add(Ban(*key, why, now, now + seconds, times), soft, longer)
        if port and Address(host, port) in self.known:
            self._part(Address(host, port))
        where = str(Address(host, port)) if port else host
        fields = {"source": where, "realm": self.realm, "seconds": f"{seconds:.0f}", "times": str(times + 1)}
        self._say(Note("banned", why, "", fields))
        return now + seconds


def _pace(rate: float, burst: int) -> tuple[float, float]:
    """Seconds that one takes, and by how many seconds one may be ahead; (0, 0) where there is no limit."""
    return (1.0 / rate, burst / rate) if rate else (0.0, 0.0)


def _shown(agent: bytes) -> str:
    """What a program calls itself, as it may stand in a log."""
    return ascii(agent[:40].decode("latin-1"))
