"""What a store has to do, held to all of them: the memory store is the shortest that does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from sbc.interfaces import ICallStore
from sbc.ledger.writer import Entry
from sbc.store.memory import MemoryStore, Table
from sbc.store.sqlite import SqliteStore
from tests.mgcp_calls import AGENT, mgcp_plan
from tests.mgcp_messages import crcx, created, response, rsip
from tests.rig import NAT
from tests.store.test_service import Process

KEYS = st.tuples(st.sampled_from(["call", "binding"]), st.text(max_size=3))
changes = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=8)), max_size=20)


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    """Makes stores that are one another's successors."""
    table: Table = {}
    if request.param == "memory":
        return lambda: MemoryStore(table)
    return lambda: SqliteStore(str(tmp_path / "state.sqlite"), lambda: 7.0)


def entries(*pairs: tuple[tuple[str, str], bytes | None]) -> list[Entry]:
    return [Entry(key, value, value is None) for key, value in pairs]


def test_it_is_a_store(make: Callable[[], Any]) -> None:
    verifyObject(ICallStore, make())


def test_what_is_written_is_there_for_the_next_and_what_is_gone_is_not(make: Callable[[], Any]) -> None:
    first = make()
    first.open()
    assert list(first.load()) == []
    first.write(entries((("call", "a"), b"1"), (("call", "b"), b"2"), (("binding", "a"), bytes(range(256)))))
    first.write(entries((("call", "a"), b"3"), (("call", "b"), None), (("call", "never"), None)))
    first.close()
    second = make()
    second.open()
    assert sorted(second.load()) == [("binding", "a", bytes(range(256))), ("call", "a", b"3")]
    second.close()


@given(changes)
def test_it_holds_the_latest_of_each(pairs: list[Any]) -> None:
    store = MemoryStore()
    store.open()
    for pair in pairs:
        store.write(entries(pair))
    latest = dict(pairs)
    assert {(kind, id): value for kind, id, value in store.load()} == {k: v for k, v in latest.items() if v is not None}


def test_a_memory_store_is_open_once() -> None:
    store = MemoryStore()
    store.open()
    with pytest.raises(OSError, match="open already"):
        store.open()
    store.close()
    store.open()


# -- in the service


def test_what_a_gateway_was_asked_is_answered_after_a_restart_and_asked_no_more() -> None:
    table: Table = {}
    first = Process(table, plan=mgcp_plan())
    access, at = first.border.plan.realms["access"].listeners[0], f"aaln/1@[{NAT.host}]"
    first.runner.received(access, NAT, rsip(1, f"[{NAT.host}]"))
    (port,) = first.border.registry.terminal_ports.listeners()
    first.runner.received(port, AGENT, response(200, first.sent[-1]))
    first.runner.received(port, AGENT, crcx(7, at))
    first.runner.received(access, NAT, created(first.sent[-1], "1F", NAT.host, 4000))
    back = first.sent[-1]
    first.written()
    assert sorted(kind for kind, _ in table) == ["answer", "answer", "binding", "call", "run"]
    first.kill()
    second = Process(table, plan=mgcp_plan())
    assert second.runner.counted["resumed-answers"] == 2 and second.runner.counted["store-unfit"] == 0
    second.sent.clear()
    second.runner.received(port, AGENT, crcx(7, at))
    assert second.sent == [back]
    second.reactor.pump([1.0] * 35)
    second.written()
    assert "answer" not in {kind for kind, _ in table} and second.runner.checks()[1]() == []
    second.kill()
    table["answer", "old"] = b"{}"
    third = Process(table, plan=mgcp_plan())
    third.written()
    assert third.runner.counted["store-unfit"] == 0 and ("answer", "old") not in table, "too old is no fault"
    third.kill()
