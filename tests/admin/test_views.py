"""The views: what they tell of a call, its media, a terminal and a realm is what is so, and fit for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sbc.admin import realms, views
from sbc.core.call import Call
from sbc.core.ports import PortPool
from sbc.core.sessions import Session
from tests.admin.desk import Desk, open_desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_desk() as desk:
        yield desk


def found(desk: Desk, id: str) -> Call:
    return desk.border.registry.calls[id]


def test_a_call_in_one_row(desk: Desk) -> None:
    call = found(desk, desk.call())
    desk.talk(call.id, there=5, back=3)
    view = views.call_view(call, desk.runner.engine, call.opened_at + 7)
    far = call.legs[1].label.decode()
    assert view == {
        "id": call.id,
        "state": "up",
        "dialect": "sip",
        "path": "main",
        "age": 7,
        "user": "alice@sbc.example.com",
        "target": "sip:bob@sbc.example.com",
        "from": {"realm": "access", "seen": str(desk.phone.address), "label": "one@192.168.1.10"},
        "to": {"realm": "core", "seen": str(desk.softswitch.address), "label": far},
        "streams": 1,
        "packets": [5, 3],
    }
    assert far != "one@192.168.1.10"


def test_the_session_of_a_call(desk: Desk) -> None:
    call = found(desk, desk.call())
    assert views.call_details(call, desk.runner.engine, 100.0)["session"] is None
    call.session = Session(seconds=1800.0, until=500.0)
    view = views.call_details(call, desk.runner.engine, 100.0)["session"]
    assert view == {"ends_in": 400.0, "asks_in": None, "asking": 0}
    call.session = Session(ask_at=160.0)
    assert views.call_details(call, desk.runner.engine, 100.0)["session"]["asks_in"] == 60.0


def test_a_call_in_full(desk: Desk) -> None:
    call = found(desk, desk.call())
    desk.talk(call.id, there=5, back=3)
    view = views.call_details(call, desk.runner.engine, desk.reactor.seconds())
    assert 0 <= view["answered_after"] < 20
    assert [leg["behind_nat"] for leg in view["legs"]] == [True, False]
    assert [leg["listener"] for leg in view["legs"]] == [str(desk.access), str(desk.core)]
    (stream,) = view["media"]
    near, far = stream["sides"]
    assert (stream["open"], stream["engine"], stream["engine_why"]) == (True, "twisted", "learning")
    assert near["signalled"] == {"rtp": "192.168.1.10:4000", "rtcp": "192.168.1.10:4001"}
    assert near["rtp"] == f"{desk.phone.address.host}:50000"
    assert near["rtp_reason"]
    assert (
        near["received"] == far["sent"] == {"rtp": {"packets": 5, "octets": 860}, "rtcp": {"packets": 0, "octets": 0}}
    )
    assert far["received"]["rtp"]["packets"] == near["sent"]["rtp"]["packets"] == 3
    assert near["drops"] == {}
    assert (near["quality"]["expected"], near["quality"]["lost"], far["quality"]["expected"]) == (5, 0, 3)
    assert near["ours"]["rtp"].startswith(desk.access.address.host)


def test_drops_are_told_by_reason(desk: Desk) -> None:
    call = found(desk, desk.call())
    (stream,) = call.streams.values()
    desk.talk(call.id, there=1, back=1)
    desk.phone.send(stream.ours[0].rtp, b"\x80", times=2)

    def drops() -> dict[str, int]:
        side = views.stream_details(call, stream, desk.runner.engine)["sides"][0]
        assert side["dropped"] == sum(side["drops"].values())
        return dict(side["drops"])

    for _ in range(200):
        if drops():
            break
        desk.reactor.iterate(0.01)
    assert drops() == {"too_short": 2}


def test_a_stream_the_engine_has_lost_is_shown_as_such(desk: Desk) -> None:
    call = found(desk, desk.call())
    (stream,) = call.streams.values()
    desk.runner.engine.close(stream.id)
    details = views.stream_details(call, stream, desk.runner.engine)
    assert not details["open"]
    assert details["sides"][0]["ours"]["rtp"] == str(stream.ours[0].rtp)
    assert details["sides"][0]["received"]["rtp"] == {"packets": 0, "octets": 0}
    assert views.call_view(call, desk.runner.engine, 0.0)["packets"] == [0, 0]


@pytest.mark.parametrize("find", ["ALICE", "bob", "one@192", "40001", "main", "up"])
def test_a_call_is_found_by_what_names_it(desk: Desk, find: str) -> None:
    call = found(desk, desk.call())
    assert views.call_matches(call, find)
    assert views.call_matches(call, call.id)
    assert not views.call_matches(call, "carol")


def test_a_stream_is_found_by_its_addresses_and_its_call(desk: Desk) -> None:
    call = found(desk, desk.call())
    (stream,) = call.streams.values()
    for find in (stream.id, str(stream.ours[0].rtp.port), "192.168.1.10:4000", "alice", "rtp"):
        assert views.stream_matches(call, stream, find), find
    assert not views.stream_matches(call, stream, "t38")


def test_a_binding(desk: Desk) -> None:
    desk.register()
    (binding,) = desk.border.registry.bindings.values()
    view = views.binding_view(binding, binding.expires_at - 42)
    assert view["user"] == "alice@sbc.example.com"
    assert view["state"] == "bound"
    assert view["place"] == "192.168.1.10:5060"
    assert view["seen"] == str(desk.phone.address)
    assert view["behind_nat"] is True
    assert view["presented"] == str(desk.core.advertised)
    assert view["expires_in"] == 42
    assert round(view["granted_for"]) == 3600 - 60 + 42
    assert round(view["silent_for"]) == 60 - 42
    assert [token["realm"] for token in view["tokens"]] == ["core"]
    for find in ("alice", binding.id, "192.168.1.10", "40001", "line=7", "bound"):
        assert views.binding_matches(binding, find), find
    assert not views.binding_matches(binding, "bob")


def test_ports_rest_before_they_are_free() -> None:
    pool = PortPool(range(20000, 20010), 2, 10.0)
    port = pool.take(0.0)
    assert port is not None
    pool.give(port, 100.0)
    assert views.ports_view(pool, 109.0) == {"pairs": 5, "used": 0, "resting": 1, "free": 4}
    assert views.ports_view(pool, 111.0) == {"pairs": 5, "used": 0, "resting": 0, "free": 5}


def test_all_views_are_fit_for_json(desk: Desk) -> None:
    call = found(desk, desk.call())
    desk.register()
    now, engine = desk.reactor.seconds(), desk.runner.engine
    (binding,) = desk.border.registry.bindings.values()
    for view in (
        views.call_details(call, engine, now),
        views.binding_view(binding, now),
        realms.realm_view(desk.border, desk.border.plan.realms["access"], desk.runner.listeners(), now),
    ):
        assert json.loads(json.dumps(view)) == view


def test_octets_that_are_no_text_are_escaped() -> None:
    assert views.words(b"a\xffb") == "a\\xffb"
