"""Sessions: what parties agree on, and until when a call lasts that they refresh or do not."""

from __future__ import annotations

import pytest

from sbc.core.call import CallState
from sbc.core.message import Ending
from sbc.core.orders import Note, Record
from sbc.core.realm import Lasting, Sessions
from sbc.sip.dialect import SipDialect
from tests.calls.test_calls import ROUTE, only_call
from tests.kept import restarted
from tests.rig import PHONE, SOFTSWITCH, Rig, events, make_plan, of, sends
from tests.sip_messages import answer, header, inside, invite, plain_answer, request, sdp, status


def rig(mode: Lasting = Lasting.END, shortest: int = 90) -> Rig:
    return Rig.make(SipDialect(), make_plan("sip", sessions=Sessions(mode, shortest)))


def with_timer(data: bytes, said: bytes = b"Session-Expires: 1800;refresher=uac") -> bytes:
    return data.replace(b"CSeq:", b"Supported: timer, 100rel\r\n" + said + b"\r\nCSeq:", 1)


def agreed(made: Rig, said: bytes = b"Session-Expires: 1800;refresher=uac") -> tuple[bytes, bytes]:
    """A call whose answer says so; the INVITE as it came, the answer as it went back."""
    asked = with_timer(invite(PHONE))
    (sent,) = sends(made.from_access(asked), "core")
    assert header(sent, b"Session-Expires") == b"1800;refresher=uac"
    ok = answer(sent, SOFTSWITCH.host).replace(b"CSeq:", ROUTE)
    *_, back = sends(made.from_core(with_timer(ok, said)), "access")
    made.from_access(inside(asked, back, b"ACK", 1))
    return asked, back


def ended(made: Rig) -> str | None:
    """How the call of the log has ended, if it has."""
    closed = [record.fields["ending"] for record in of(Record, made.log) if record.event == "close"]
    return closed[0] if closed else None


@pytest.mark.parametrize("mode", [Lasting.END, Lasting.REFRESH])
def test_a_call_that_is_not_refreshed_ends_both_ways(mode: Lasting) -> None:
    made = rig(mode)
    agreed(made)
    made.wait(1799)
    assert only_call(made).state is CallState.UP
    orders = made.wait(2)
    assert sends(orders, "core")[0].startswith(b"BYE ") and sends(orders, "access")[0].startswith(b"BYE ")
    assert only_call(made).ending is Ending.VANISHED and ended(made) == "vanished"
    (note,) = [each for each in of(Note, orders) if each.event == "zombie"]
    assert note.reason == "not refreshed for 1800 s"
    made.wait(200)
    assert not made.border.registry.calls


@pytest.mark.parametrize("method", [b"INVITE", b"UPDATE"])
def test_a_refresh_by_either_way_puts_it_off(method: bytes) -> None:
    made = rig()
    asked, back = agreed(made)
    for number in range(2, 6):
        made.wait(900)
        body = sdp(PHONE.host) if method == b"INVITE" else b""
        again = with_timer(inside(asked, back, method, number, body))
        (sent,) = sends(made.from_access(again), "core")
        ok = answer(sent, SOFTSWITCH.host) if method == b"INVITE" else plain_answer(sent, b"200 OK")
        made.from_core(with_timer(ok))
    made.wait(1790)
    assert ended(made) is None
    made.wait(20)
    assert ended(made) == "vanished"


def test_a_refresh_that_is_refused_does_not() -> None:
    made = rig()
    asked, back = agreed(made)
    made.wait(900)
    (sent,) = sends(made.from_access(with_timer(inside(asked, back, b"UPDATE", 2))), "core")
    made.from_core(plain_answer(sent, b"491 Request Pending"))
    made.wait(910)
    assert ended(made) == "vanished"


def test_parties_may_change_their_mind() -> None:
    made = rig()
    asked, back = agreed(made)
    (sent,) = sends(made.from_access(inside(asked, back, b"UPDATE", 2)), "core")
    made.from_core(plain_answer(sent, b"200 OK"))  # it says nothing of it any more
    made.wait(20_000)
    assert ended(made) is None and only_call(made).state is CallState.UP
    made.wait(30_000)
    assert ended(made) == "expired"


def test_who_agrees_on_nothing_or_nonsense_is_left_alone() -> None:
    for said in (b"Subject: 1", b"Session-Expires: soon", b"Session-Expires:", b"Session-Expires: -5"):
        made = rig()
        agreed(made, said)
        assert only_call(made).session is None
    made = rig(Lasting.OFF)
    agreed(made)
    assert only_call(made).session is None
    made.wait(10_000)
    assert ended(made) is None


def test_nobody_can_have_a_call_ended_by_too_short_a_session() -> None:
    made = rig()
    agreed(made, b"x: 1;refresher=uas")
    made.wait(80)
    assert ended(made) is None
    made.wait(20)
    assert ended(made) == "vanished"


def test_too_short_a_session_is_refused_with_the_least() -> None:
    made = rig(shortest=600)
    brief = with_timer(invite(PHONE), b"Session-Expires: 120")
    orders = made.from_access(brief)
    (told,) = sends(orders, "access")
    assert status(told) == 422 and header(told, b"Min-SE") == b"600" and not sends(orders, "core")
    assert not made.border.registry.calls
    deaf = invite(PHONE, call=b"two").replace(b"CSeq:", b"Session-Expires: 120\r\nCSeq:")
    assert sends(made.from_access(deaf), "core")  # it would not know what 422 means
    made = rig(Lasting.OFF, shortest=600)
    assert sends(made.from_access(brief), "core")


def test_a_422_of_the_core_crosses_and_the_caller_comes_again() -> None:
    made = rig()
    (sent,) = sends(made.from_access(with_timer(invite(PHONE), b"Session-Expires: 120")), "core")
    (told,) = sends(made.from_core(plain_answer(sent, b"422 Session Interval Too Small", b"Min-SE: 1800")), "access")
    assert header(told, b"Min-SE") == b"1800"
    (sent,) = sends(made.from_access(with_timer(invite(PHONE, seq=2))), "core")
    made.from_core(with_timer(answer(sent, SOFTSWITCH.host)))
    assert [call.state for call in made.border.registry.calls.values()].count(CallState.UP) == 1


def test_the_answer_of_another_fork_moves_nothing() -> None:
    made = rig()
    (sent,) = sends(made.from_access(with_timer(invite(PHONE))), "core")
    made.from_core(with_timer(answer(sent, SOFTSWITCH.host)))
    made.from_core(with_timer(answer(sent, SOFTSWITCH.host, tag=b"other"), b"Session-Expires: 90"))
    made.wait(1000)
    assert ended(made) is None


def test_a_call_ends_at_its_longest_all_the_same() -> None:
    made = rig()
    asked, back = agreed(made, b"Session-Expires: 40000")
    made.wait(10_000)
    (sent,) = sends(made.from_access(with_timer(inside(asked, back, b"UPDATE", 2))), "core")
    made.from_core(with_timer(plain_answer(sent, b"200 OK"), b"Session-Expires: 40000"))
    made.wait(33_300)
    assert ended(made) == "expired"


def test_a_party_that_is_hanging_up_when_the_time_comes_is_heard() -> None:
    made = rig()
    asked, back = agreed(made)
    made.wait(1799)
    (bye,) = sends(made.from_access(inside(asked, back)), "core")
    made.wait(5)
    assert ended(made) is None
    made.from_core(plain_answer(bye, b"200 OK"))
    assert ended(made) == "normal"


def test_subscriptions_have_lives_of_their_own() -> None:
    made = rig(Lasting.REFRESH)
    (sent,) = sends(made.from_access(request(b"SUBSCRIBE", b"sip:bob@sbc.example.com", PHONE)), "core")
    made.from_core(plain_answer(sent, b"200 OK", b"Session-Expires: 90", b"Expires: 600"))
    made.wait(500)
    assert "zombie" not in events(made.log)
    assert all(call.session is None for call in made.border.registry.calls.values())


def test_a_session_outlives_a_restart() -> None:
    made = rig()
    agreed(made)
    made.wait(600)
    after, _ = restarted(made, 10.0)
    session = only_call(after).session
    assert session is not None and session.seconds == 1800.0
    after.wait(1180)
    assert ended(after) is None
    after.wait(20)
    assert ended(after) == "vanished"


def test_who_was_being_asked_at_the_restart_is_asked_again() -> None:
    made = rig(Lasting.REFRESH)
    agreed(made, b"Subject: none")
    made.wait(900)
    assert only_call(made).session.open
    after, _ = restarted(made, 1.0)
    assert not only_call(after).session.open
    orders = after.wait(901)
    assert [data for data in sends(orders, "core") if data.startswith(b"OPTIONS")]
