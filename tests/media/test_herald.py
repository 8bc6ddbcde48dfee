"""What is told reaches the observer; what the observer raises is logged with the call, and goes no further."""

from __future__ import annotations

from typing import Any

from twisted.logger import LogEvent
from zope.interface.verify import verifyObject

from sbc.core.address import Address
from sbc.media.herald import Herald
from sbc.media.interfaces import IMediaObserver
from tests.contract.engines import Observer

WHERE = Address("192.0.2.1", 4000)


class Failing:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"of ours, in {name}")


def everything(herald: Herald) -> None:
    herald.latched("one", 1, WHERE, "signalled")
    herald.silent("one", 2.5)
    herald.resumed("one")
    herald.policed("one", 0)
    herald.expired("one", 1)
    herald.used("one")
    herald.forwards("one", "kernel", "latched")


def test_the_observer_is_told_everything_as_it_is() -> None:
    observer = Observer()
    herald = Herald(observer, {"one": "call-1"}.__getitem__)  # type: ignore[arg-type]
    verifyObject(IMediaObserver, herald)
    everything(herald)
    assert observer.latches == [("one", 1, WHERE, "signalled")]
    assert observer.silences == [("one", 2.5)]
    assert observer.resumptions == ["one"]
    assert observer.policings == [("one", 0)]
    assert (observer.expiries, observer.uses) == ([("one", 1)], ["one"])
    for word in ("policed", "expired", "used"):
        herald.told(word, "one", 0)
    assert (observer.policings[1:], observer.expiries[1:], observer.uses[1:]) == ([("one", 0)], [("one", 0)], ["one"])
    assert observer.forwardings == [("one", "kernel", "latched")]


def test_a_latch_is_logged_with_its_call(log: list[LogEvent]) -> None:
    herald = Herald(Observer(), {"one": "call-1"}.__getitem__)  # type: ignore[arg-type]
    everything(herald)
    (event,) = log
    told = event["stream"], event["side"], event["address"], event["reason"], event["call"]
    assert told == ("one", 1, WHERE, "signalled", "call-1")


def test_what_another_has_logged_is_only_told(log: list[LogEvent]) -> None:
    observer = Observer()
    Herald(observer, lambda stream: "").tell("latched", "one", 0, WHERE, "signalled")  # type: ignore[arg-type]
    assert observer.latches == [("one", 0, WHERE, "signalled")]
    assert log == []


def test_what_the_observer_raises_is_logged_and_goes_no_further(log: list[LogEvent]) -> None:
    everything(Herald(Failing(), {"one": "call-1"}.__getitem__))  # type: ignore[arg-type]
    failed = [event for event in log if "log_failure" in event]
    told = ["latched", "silent", "resumed", "policed", "expired", "used", "forwards"]
    assert [event["what"] for event in failed] == told
    assert {(event["stream"], event["call"]) for event in failed} == {("one", "call-1")}


def test_the_call_is_known_though_the_observer_has_closed_the_stream(log: list[LogEvent]) -> None:
    calls = {"one": "call-1"}

    class Closing:
        def silent(self, stream: str, seconds: float) -> None:
            del calls[stream]
            raise RuntimeError("and failed then")

    Herald(Closing(), lambda stream: calls.get(stream, "")).silent("one", 1.0)  # type: ignore[arg-type]
    assert [event["call"] for event in log] == ["call-1"]
