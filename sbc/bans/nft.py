"""Bans in sets of nftables, in a table of our own: in front of connection tracking and of every socket."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from zope.interface import implementer

from sbc.bans.doors import Barred, Door
from sbc.bans.ledger import Key, Ledger
from sbc.bans.library import NftError
from sbc.bans.ruleset import changes, element, table
from sbc.interfaces import IBanSink

MOST = 120_000
"""Bans there may be."""
_PAUSE = 0.05  # seconds in which what is to be changed gathers
_AT_ONCE = 2_000  # changes in one command, of which each takes some 20 us, on another thread
_AGAIN = 10.0  # seconds until a table that was refused is tried again
_names = count()


@implementer(IBanSink)
class NftBans:
    """Has nftables drop. The table is this process's own, and goes with it whatever ends that."""

    name = "nft"
    _log = Logger()

    def __init__(
        self, nft: Any, reactor: Any, most: int = MOST, in_thread: Callable[..., Deferred[Any]] = deferToThread
    ) -> None:
        """`nft` is a sbc.bans.library.Nft; `reactor` provides IReactorTime. @raises NftError where the system allows
        no table."""
        self._nft, self._reactor, self._most, self._in_thread = nft, reactor, most, in_thread
        self._table = f"sbc-bans-{os.getpid()}-{next(_names)}"
        self._ledger = Ledger(most)
        self._doors: frozenset[Door] = frozenset()
        self._numbers: dict[str, int] = {}  # of the realms in the table that is there
        self._next: dict[str, int] = {}  # and in the one that is to be; none while it is refused
        self._wanted: dict[Key, float | None] = {}  # what is to be changed: until when each is to be banned, None: not
        self._there: set[Key] = set()  # what the kernel was told of
        self._before = 0  # packets that tables before this one have dropped
        self._seen = 0  # the most that were told of
        self._remakes = False
        self._call: Any = None
        self._busy = False
        self._stopped = False
        self._nft.run(table(self._table, (), {}, most))
        self.why = ""
        """What the system refuses, in its words."""

    # -- the contract

    def guard(self, doors: Iterable[Door]) -> None:
        """See IBanSink."""
        new = frozenset(doors)
        if new == self._doors:
            return
        self._doors = new
        self._next = self._numbered()
        for key, _ in self._ledger.items():
            if key[0] not in self._next:
                self._ledger.drop(key)
        self._remakes = True
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._soon(0.0)

    def _numbered(self) -> dict[str, int]:
        return {name: n for n, name in enumerate(sorted({door.realm for door in self._doors}), 1)}

    def ban(self, realm: str, host: str, port: int, seconds: float) -> bool:
        """See IBanSink."""
        key = (realm, host, port)
        self._sweep()
        try:
            element(key, self._next)
        except (ValueError, KeyError):
            return False
        until = self._reactor.seconds() + seconds
        if not self._ledger.put(key, until):
            return False
        self._wanted[key] = until
        self._soon()
        return True

    def lift(self, realm: str, host: str, port: int) -> None:
        """See IBanSink."""
        key = (realm, host, port)
        if self._ledger.drop(key):
            self._wanted[key] = None
            self._soon()

    def clear(self) -> None:
        """See IBanSink."""
        for key, _ in self._ledger.items():
            self.lift(*key)

    def list(self) -> list[Barred]:
        """See IBanSink."""
        self._sweep()
        now = self._reactor.seconds()
        return [Barred(*key, max(0.0, until - now)) for key, until in self._ledger.items()]

    def of(self, realm: str, host: str, port: int) -> int:
        """See IBanSink."""
        if realm not in self._numbers or (realm, host, port) not in self._ledger:
            return 0
        set_, _ = element((realm, host, port), self._numbers)
        return int(self._nft.counted.element(self._table, set_, host, port))

    def dropped(self) -> int:
        """See IBanSink. While one table takes another's place, it stands still."""
        self._seen = max(self._seen, self._before + self._dropped())
        return self._seen

    def stop(self) -> None:
        """See IBanSink."""
        self._stopped = True
        if self._call is not None and self._call.active():
            self._call.cancel()
        with suppress(NftError):
            self._nft.run(f"delete table inet {self._table}")
        self._nft.close()

    # -- what the kernel is told

    def _sweep(self) -> None:
        """Forget what is over; it has ended in the kernel, too."""
        self._there.difference_update(self._ledger.over(self._reactor.seconds()))

    def _soon(self, after: float = _PAUSE) -> None:
        if not (self._busy or self._stopped or (self._call is not None and self._call.active())):
            self._call = self._reactor.callLater(after, self._tell)

    def _tell(self) -> None:
        """Tell some of what is to be changed; the rest, and what comes meanwhile, when that is done."""
        self._sweep()
        now, remade, told = self._reactor.seconds(), "", self._numbers
        if self._remakes:
            self._remakes = False
            self._next = told = self._numbered()
            self._there, self._wanted = set(), dict(self._ledger.items())
            remade = f"delete table inet {self._table}\n{table(self._table, self._doors, told, self._most)}\n"
        some = {key: self._wanted.pop(key) for key in list(self._wanted)[:_AT_ONCE]}
        left = {key: None if until is None else until - now for key, until in some.items()}
        there = self._there & some.keys()
        text = remade + changes(self._table, left, there, told)
        if not text:
            return
        self._busy = True
        said = self._in_thread(self._remake, text) if remade else self._in_thread(self._change, text, left, there, told)
        said.addCallbacks(partial(self._told, some=some, told=told), self._refused)

    def _remake(self, text: str) -> None:
        """On the thread. A table that is refused leaves an empty one: the old one's numbers are of other realms."""
        before = self._dropped()
        try:
            self._nft.run(text)
        except NftError:
            with suppress(NftError):
                self._nft.run(f"delete table inet {self._table}\n{table(self._table, (), {}, self._most)}")
                self._before += before
            raise
        self._before += before

    def _change(
        self, text: str, left: dict[Key, float | None], there: set[Key], told: dict[str, int]
    ) -> tuple[set[Key], str]:
        """On the thread. Those of the changes that are refused, and why: for one the others need not go without."""
        try:
            self._nft.run(text)
        except NftError as error:
            refused = {
                key for key in left if self._is_refused(changes(self._table, {key: left[key]}, {key} & there, told))
            }
            return refused, str(error)
        return set(), ""

    def _is_refused(self, text: str) -> bool:
        try:
            self._nft.run(text)
        except NftError:
            return True
        return False

    def _told(self, refused: tuple[set[Key], str] | None, some: dict[Key, float | None], told: dict[str, int]) -> None:
        """What it refuses user space does alone."""
        keys, why = refused or (set(), "")
        self._numbers = told
        for key, until in some.items():
            if key in keys:
                self._ledger.drop(key)
            else:
                self._there.discard(key) if until is None else self._there.add(key)
        self._say(why)
        self._go_on()

    def _say(self, why: str) -> None:
        if why and not self._stopped:
            self._log.warn("nftables does not drop what is banned: {why}", why=why)
        self.why = why

    def _refused(self, failure: Any) -> None:
        """A table that is refused is tried again."""
        failure.trap(NftError)
        self._say(str(failure.value))
        if self._remakes:  # there are newer doors
            self._go_on()
            return
        self._numbers, self._next, self._busy, self._remakes = {}, {}, False, True
        self._wanted.clear()
        for key, _ in self._ledger.items():
            self._ledger.drop(key)
        self._soon(_AGAIN)

    def _go_on(self) -> None:
        self._busy = False
        if self._wanted or self._remakes:
            self._soon()

    def _dropped(self) -> int:
        """By the table that is there. On any thread."""
        return int(self._nft.counted.counter(self._table, "dropped"))
