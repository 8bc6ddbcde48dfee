"""A rule of a realm: of what it speaks, and what is done with that. Plain values, made by the configuration."""

from __future__ import annotations

import re
from hashlib import blake2b

import attrs

from sbc.core.message import Cause
from sbc.core.word import Word
from sbc.policy.hours import Hours
from sbc.policy.prefixes import Network
from sbc.text.globs import Glob

_FEW = 4
_NUMBER = re.compile(r"\+?[0-9]+", re.ASCII)


class Action(Word):
    """What is done with what a rule speaks of."""

    ACCEPT = "accept"  # no further rule is asked
    DROP = "drop"  # as if it had never come
    REJECT = "reject"
    LIMIT = "limit"  # what is within the rate goes on to the next rule, what is over it is dropped or rejected
    TARPIT = "tarpit"  # rejected, but late


class Over(Word):
    """What is done with what is over a rate."""

    DROP = "drop"
    REJECT = "reject"


class Per(Word):
    """Who shares a rate."""

    SOURCE = "source"  # each transport address has its own
    HOST = "host"
    RULE = "rule"  # all together


CAUSES = (Cause.DENIED, Cause.FORBIDDEN, Cause.NOT_FOUND, Cause.ABSENT, Cause.RATE, Cause.BUSY, Cause.UNSUPPORTED)
"""Why a rule may say that it refuses."""


@attrs.frozen
class PrefixList:
    """Prefixes, and how people are told of them. Two lists are the same if they hold the same."""

    networks: tuple[Network, ...] = attrs.field(eq=False, repr=False)
    file: str = attrs.field(default="", eq=False)
    digest: bytes = attrs.field(init=False, repr=False)

    @digest.default
    def _digest(self) -> bytes:
        octets = (each.network_address.packed + bytes((each.prefixlen,)) for each in self.networks)
        return blake2b(b"".join(octets), digest_size=16).digest()

    def __str__(self) -> str:
        if self.file:
            return f"{len(self.networks)} prefixes of {self.file}"
        more = len(self.networks) - _FEW
        return ", ".join(map(str, self.networks[:_FEW])) + (f" and {more} more" if more > 0 else "")


@attrs.frozen
class Pattern:
    """Who calls or is called: a number that begins with these digits, or a text with stars."""

    written: str
    number: bytes = attrs.field(init=False, eq=False, repr=False)
    glob: Glob = attrs.field(init=False, eq=False, repr=False)

    @number.default
    def _digits(self) -> bytes:
        return self.written.encode() if _NUMBER.fullmatch(self.written) else b""

    @glob.default
    def _glob(self) -> Glob:
        return Glob.read(self.written)

    def match(self, name: bytes) -> bool:
        """Whether `name` fits: a user, or a user at a host, of which then the user alone may fit, too."""
        user = name.rpartition(b"@")[0] or name
        if self.number:
            return user.startswith(self.number)
        return self.glob.match(name) is not None or self.glob.match(user) is not None

    def __str__(self) -> str:
        return self.written


@attrs.frozen
class Rule:
    """What a rule speaks of: of all that every condition holds for; empty ones (None) hold for all. What it does:
    `cause` and `why` are said where it refuses; a `rate` (a second) with its `burst` is shared as `per` says, and
    `over` is what becomes of what exceeds it; an answer is held for `seconds`. With `dry_run` it only counts.
    """

    name: str
    action: Action
    sources: PrefixList | None = None
    countries: frozenset[str] = frozenset()
    protocols: frozenset[str] = frozenset()
    transports: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    agents: tuple[Glob, ...] = ()
    callers: tuple[Pattern, ...] = ()
    called: tuple[Pattern, ...] = ()
    hours: Hours | None = None
    registered: bool | None = None
    peers: tuple[Glob, ...] = ()
    cause: Cause = Cause.DENIED
    why: str = "not allowed here"
    rate: float = 0.0
    burst: float = 1.0
    per: Per = Per.HOST
    over: Over = Over.DROP
    seconds: float = 5.0
    dry_run: bool = False

    @property
    def early(self) -> bool:
        """Whether it can be told of what is not read yet that the rule speaks of it."""
        return not (self.methods or self.agents or self.callers or self.called)

    @property
    def unread(self) -> bool:
        """Whether what it is against need not be read."""
        drops = self.action is Action.DROP or (self.action is Action.LIMIT and self.over is Over.DROP)
        return self.early and drops

    @property
    def names_sources(self) -> bool:
        """Whether it says who they are that it speaks of: whom it accepts may call, though not registered."""
        return self.sources is not None or bool(self.peers)

    def __str__(self) -> str:
        """The rule in one line."""
        return f"{self.action.value} {', '.join(self.conditions()) or 'all'}" + (" (dry run)" if self.dry_run else "")

    def conditions(self) -> list[str]:
        """The conditions in words."""
        said = [
            ("from", str(self.sources or "")),
            ("country", _words(self.countries)),
            ("protocol", _words(self.protocols)),
            ("transport", _words(self.transports)),
            ("method", _words(self.methods)),
            ("agent", ", ".join(b"*".join(each.pieces).decode(errors="replace") for each in self.agents)),
            ("caller", ", ".join(map(str, self.callers))),
            ("called", ", ".join(map(str, self.called))),
            ("hours", str(self.hours or "")),
            ("registered", "" if self.registered is None else "yes" if self.registered else "no"),
            ("peer", ", ".join(b"*".join(each.pieces).decode(errors="replace") for each in self.peers)),
        ]
        return [f"{name} {value}" for name, value in said if value]


def _words(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))
