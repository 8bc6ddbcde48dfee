"""Out of which bucket each plane draws, as a realm's rate changes."""

from __future__ import annotations

from typing import Any, cast

from sbc.core.orders import Rate
from sbc.media.kernel.plane import Plane
from sbc.media.kernel.realms import Realms


class Books:
    """A plane and an engine in user space of which nothing is there but what they are told."""

    def __init__(self) -> None:
        self.kernel: dict[str, Rate | None] = {}
        self.inner: dict[str, Any] = {}

    def realm(self, name: str) -> int:
        return 7 if name in self.kernel else 0

    def limit_realm(self, name: str, rate: Rate | None) -> Any:
        if name in self.kernel or rate is not None:
            self.kernel[name] = rate
        return None if rate is None else "the kernel's"


class Inner:
    def __init__(self, books: Books) -> None:
        self._books = books

    def limit_realm(self, name: str, rate: Rate | None) -> None:
        self._books.inner[name] = rate

    def share_realm(self, name: str, bucket: Any) -> None:
        self._books.inner[name] = bucket


def test_one_bucket_for_both_but_where_what_is_more_waits() -> None:
    books = Books()
    realms = Realms(cast(Plane, books), Inner(books))
    police, shape = Rate(1_000, 3_000), Rate(1_000, 3_000, 0.1)
    assert realms.limit("a", None) == (False, False) and books.kernel == {}
    assert realms.limit("a", police) == (False, True)
    assert (books.kernel, books.inner) == ({"a": police}, {"a": "the kernel's"})
    assert realms.limit("a", shape) == (True, False) and realms.shaped == {"a"}
    assert (books.kernel, books.inner) == ({"a": None}, {"a": shape})
    assert realms.limit("a", shape) == (False, False)
    assert realms.limit("a", None) == (True, False) and realms.shaped == frozenset()
    assert (books.kernel, books.inner) == ({"a": None}, {"a": None})
