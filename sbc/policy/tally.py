"""What one realm, path, customer or terminal has of each thing that is limited, has had at most, and was refused."""

from __future__ import annotations

from collections import Counter

from sbc.policy.bucket import Bucket
from sbc.policy.limits import UNLIMITED, Caps

REALM, PATH, CUSTOMER, TERMINAL = "realm", "path", "customer", "terminal"
KINDS = (REALM, PATH, CUSTOMER, TERMINAL)
CALLS, RATE, BINDINGS, BANDWIDTH = "calls", "rate", "bindings", "bandwidth"
WORDS = (CALLS, RATE, BINDINGS, BANDWIDTH)
"""What is refused, as it is counted."""


class Tally:
    """The counts of one `kind` of thing, of that `name`; a terminal's, or customer's, in a `realm`. `who` is what it is
    known by where there may be very many, `customer` whose it then is. `into` and `out` are in bit/s. `passed` are
    calls that went past a limit, as those for help do."""

    __slots__ = (
        "bindings",
        "bucket",
        "calls",
        "caps",
        "customer",
        "into",
        "kind",
        "most_bindings",
        "most_calls",
        "most_into",
        "most_out",
        "name",
        "out",
        "passed",
        "realm",
        "refused",
        "who",
    )

    def __init__(self, kind: str, name: str, realm: str, who: bytes = b"", caps: Caps = UNLIMITED) -> None:
        self.kind = kind
        self.who = who
        self.customer = ""
        self.name = name
        self.realm = realm
        self.caps = caps
        self.calls = self.bindings = self.into = self.out = 0
        self.most_calls = self.most_bindings = self.most_into = self.most_out = 0
        self.passed = 0
        self.refused: Counter[str] = Counter()
        self.bucket: Bucket | None = None
        self.limit(caps)

    def limit(self, caps: Caps) -> None:
        """Hold it against `caps` from now on. What is there stays."""
        self.caps = caps
        if not caps.calls_per_second:
            self.bucket = None
        elif self.bucket is None:
            self.bucket = Bucket(caps.calls_per_second, caps.at_once)
        else:
            self.bucket.change(caps.calls_per_second, caps.at_once)

    def call_fault(self, now: float) -> str:
        """What is too much for another call: CALLS or RATE; empty where there is room."""
        if self.caps.calls and self.calls >= self.caps.calls:
            return CALLS
        return RATE if self.bucket is not None and not self.bucket.holds(now) else ""

    def add_call(self, now: float) -> None:
        """One more call begins."""
        self.count_call()
        if self.bucket is not None:
            self.bucket.take(now)

    def count_call(self, change: int = 1) -> None:
        """One more call is there, or (-1) less."""
        self.calls += change
        self.most_calls = max(self.most_calls, self.calls)

    def add_binding(self, change: int = 1) -> None:
        """One more registration, or (-1) less."""
        self.bindings += change
        self.most_bindings = max(self.most_bindings, self.bindings)

    def has_bandwidth(self, into: int, out: int) -> bool:
        """Whether there is room for so much more; what is no more than there was always finds room."""
        caps = self.caps
        if into > 0 and caps.bandwidth_in and self.into + into > caps.bandwidth_in * 1000:
            return False
        return not (out > 0 and caps.bandwidth_out and self.out + out > caps.bandwidth_out * 1000)

    def add_bandwidth(self, into: int, out: int) -> None:
        """So much more is taken, or less."""
        self.into += into
        self.out += out
        self.most_into, self.most_out = max(self.most_into, self.into), max(self.most_out, self.out)

    @property
    def used(self) -> tuple[int, int, int, int]:
        """Calls, registrations, bandwidth in and out."""
        return self.calls, self.bindings, self.into, self.out

    @property
    def empty(self) -> bool:
        """Whether nothing is held here."""
        return not (self.calls or self.bindings or self.into or self.out)

    @property
    def owes(self) -> bool:
        """Whether its next calls may come too soon: as of its last one."""
        return self.bucket is not None and not self.bucket.full

    def __repr__(self) -> str:
        at = f" of realm {self.realm}" if self.realm and self.kind != REALM else ""
        return f"{self.kind} {self.name}{at}"
