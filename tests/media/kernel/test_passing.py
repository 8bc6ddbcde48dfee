"""What the kernel's engine passes on to the one it stands upon."""

from __future__ import annotations

from typing import Any

from sbc.core.address import Address
from sbc.media.herald import Herald
from sbc.media.kernel.passing import Passing
from tests.media.keys import key


class Inner:
    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def ask(*details: Any) -> Any:
            self.asked.append((name, *details))
            return {"suites": ("X",), "say": True, "rollovers": ((), ((1, 2, 3, 4),))}.get(name)

        return ask


class Listener:
    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def handshake(self, *details: Any) -> None:
        self.told.append(details)

    def expired(self, *details: Any) -> None:
        self.told.append(("expired", *details))

    def used(self, *details: Any) -> None:
        self.told.append(("used", *details))


def test_all_of_it_goes_on_and_back() -> None:
    passing, listener = Passing(), Listener()
    inner = passing.inner = Inner()
    passing._herald = Herald(listener, lambda stream: "call")  # type: ignore[arg-type]
    there = Address("192.0.2.1", 4000)
    assert passing.suites() == ("X",)
    passing.key("s", 1, key("a"), key("b"), True)
    passing.aim("s", 1, there, None)
    assert passing.say("s", 1, b"data", there)
    assert passing.rollovers("s") == ((), ((1, 2, 3, 4),))
    passing.handshake("s", 0, True, b"data", there)
    assert inner.asked[1:4] == [
        ("key", "s", 1, key("a"), key("b"), True),
        ("aim", "s", 1, there, None),
        ("say", "s", 1, b"data", there, False),
    ]
    assert listener.told == [("s", 0, True, b"data", there)]
    passing.expired("s", 1)
    passing.used("s")
    assert listener.told[1:] == [("expired", "s", 1), ("used", "s")]
