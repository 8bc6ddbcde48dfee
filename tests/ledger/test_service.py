"""The ledger in the service: written when asked for, whole after an orderly stop, and after SIGKILL in mid-call."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from twisted.internet.task import Clock

from sbc.config.faults import ConfigError
from sbc.config.values import CdrConfig
from sbc.core.address import Address
from sbc.ledger.meter import AT_ONCE
from sbc.ledger.service import GATHER, REST, LedgerService, look_at_files
from sbc.media.counters import StreamCounters
from tests.ledger.facts import answered, begun, carried, entry, over, record_of, stream
from tests.loopback import loopback, sbc_on
from tests.sip_messages import answer, inside, invite, plain_answer, status
from tests.store.crowd import Party, World
from tests.waiting import until

ROOT = Path(__file__).parent.parent.parent
NET = loopback("ledger")
ACCESS, CORE, SOFTSWITCH, PHONE = (f"{NET}.{number}" for number in (1, 2, 3, 4))

CONFIG = (
    sbc_on(NET, "[drain]\nlimit = 0.0\n")
    + """
[cdr]
json = "cdr.json"
sqlite = "cdr.sqlite"
interim = 0.2
"""
)


class Threads(Clock):
    """A reactor whose threads are heard at once; the writer's calls only count and fire Deferreds."""

    def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
        call(*arguments)


def stop(service: LedgerService) -> None:
    stopped = service.stopService()
    until(lambda: stopped.called)


class Engine:
    def counters(self, stream: str) -> StreamCounters:
        return carried(33)

    def recorded(self, stream: str) -> StreamCounters:
        return self.counters(stream)


def service_of(directory: Path, **more: Any) -> tuple[LedgerService, Threads, Counter[str]]:
    reactor, counted = Threads(), Counter[str]()
    config = CdrConfig(json=str(directory / "cdr.json"), sqlite=str(directory / "cdr.sqlite"), **more)
    return LedgerService(reactor, config, counted, Engine, lambda _: True), reactor, counted


def lines(directory: Path) -> list[dict[str, Any]]:
    """Every record in the JSON file, which is the same in the database; but each has its own last word of a call cut
    short, which may be one turn older."""
    found = [json.loads(line) for line in (directory / "cdr.json").read_bytes().splitlines()]
    with closing(sqlite3.connect(directory / "cdr.sqlite")) as database:
        rows = database.execute("SELECT data FROM calls WHERE state <> 'open'").fetchall()
    assert sorted(map(lasting, (json.loads(data) for (data,) in rows)), key=str) == sorted(map(lasting, found), key=str)
    return found


def lasting(record: dict[str, Any]) -> dict[str, Any]:
    """The record without what goes on changing while its call does."""
    passing = () if record["complete"] else ("known", "duration")
    return {key: value for key, value in record.items() if key not in passing}


def test_an_orderly_stop_writes_all_and_ends_what_is_live(tmp_path: Path) -> None:
    service, reactor, counted = service_of(tmp_path, interim=5.0)
    service.startService()
    for call in ("c1", "c2"):
        service.meter.record(begun(call))
        service.meter.record(answered(call))
        service.meter.opened(stream(call))
    service.meter.closed("c1/1", carried())
    service.meter.record(over("c1"))
    reactor.advance(1.0)
    service.meter.closed("c2/1", carried())
    stop(service)
    found = {record["id"]: record for record in lines(tmp_path)}
    assert found["c1"]["ending"] == "normal" and found["c2"]["ending"] == "shutdown"
    assert len({record["record"] for record in found.values()}) == 2
    assert counted["cdr-written"] == 4 and counted["cdr-waiting"] == counted["cdr-lost"] == 0
    assert not reactor.getDelayedCalls()


def test_keys_of_two_runs_differ_and_what_the_first_left_is_told(tmp_path: Path) -> None:
    service, reactor, _ = service_of(tmp_path)
    service.startService()
    service.meter.record(begun())
    reactor.advance(GATHER)
    until(lambda: all(writer.waiting == 0 for writer in service.writers))
    sleep(0.1)
    for writer in service.writers:  # as if killed: nothing more is written, and the locks are gone
        writer._open.clear()
        writer.stop(1.0, lambda _: None)
        writer._thread.join()
    service._looking.stop()
    again, _, counted = service_of(tmp_path)
    again.startService()
    assert counted["cdr-incomplete"] == 2
    again.meter.record(begun())
    stop(again)
    endings = [(record["id"], record["ending"]) for record in lines(tmp_path)]
    assert endings == [("c1", "incomplete"), ("c1", "shutdown")]


def test_much_news_is_handed_on_in_turns_that_are_near_each_other(tmp_path: Path) -> None:
    service, reactor, _ = service_of(tmp_path)
    service.startService()
    for number in range(3 * AT_ONCE):
        service.meter.record(begun(f"c{number}"))
    reactor.advance(GATHER)
    assert service.meter.waiting == 2 * AT_ONCE
    reactor.advance(REST)
    reactor.advance(REST)
    assert service.meter.waiting == 0
    stop(service)


def test_a_file_that_cannot_be_used_keeps_the_service_from_starting(tmp_path: Path) -> None:
    (tmp_path / "cdr.json").mkdir()
    service, _, _ = service_of(tmp_path)
    with pytest.raises(OSError, match="directory"):
        service.startService()


def test_files_that_cannot_be_there_are_told_without_making_any(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    config = CdrConfig(json=str(tmp_path / "none" / "x"), sqlite=str(tmp_path / "folder"))
    with pytest.raises(ConfigError) as told:
        look_at_files(config, None, "sbc.toml")
    assert [(fault.key, fault.file) for fault in told.value.faults] == [
        ("cdr.json", "sbc.toml"),
        ("cdr.sqlite", "sbc.toml"),
    ]
    look_at_files(CdrConfig(json=str(tmp_path / "x")))
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


def test_a_disk_that_fails_is_counted_and_calls_go_on(tmp_path: Path) -> None:
    service, reactor, counted = service_of(tmp_path)
    service.startService()
    (json_writer, _) = service.writers
    written = json_writer._sink.write

    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    json_writer._sink.write = fail
    service.meter.record(begun())
    service.meter.record(over())
    reactor.advance(GATHER)
    until(lambda: json_writer.failures)
    reactor.advance(1.0)
    assert counted["cdr-failures"] >= 1 and counted["cdr-waiting"] >= 1
    json_writer._sink.write = written
    stop(service)
    assert [record["ending"] for record in lines(tmp_path)] == ["normal"]


# -- a real process


class Little(World):
    """An SBC process, and around it a phone and a softswitch."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, CONFIG, CORE)
        self.phone, self.softswitch = Party(PHONE), Party(SOFTSWITCH)
        self.media = Party(PHONE, 4000)
        self.calls = 0

    def call(self, answered: bool = True) -> tuple[bytes, bytes]:
        """A call, as far as the answer or the ringing; the INVITE and the last reply, as the phone knows them."""
        self.calls += 1
        asked, tag = invite(Address(PHONE, 5060), call=b"k%d" % self.calls), self.tag
        self.phone.send(asked, ACCESS)
        sent = self.softswitch.get(b"INVITE", tag)
        self.softswitch.send(plain_answer(sent, b"180 Ringing"), CORE)
        reply = self.phone.get(b"SIP/2.0 180", tag)
        if answered:
            self.softswitch.send(answer(sent, SOFTSWITCH), CORE)
            reply = self.phone.get(b"SIP/2.0 200", tag)
            self.phone.send(inside(asked, reply, b"ACK", 1), ACCESS)
            self.softswitch.get(b"ACK", tag)
        return asked, reply

    @property
    def tag(self) -> bytes:
        """What every message of the latest call holds."""
        return b"tag=a-k%d\r" % self.calls

    def hang_up(self, asked: bytes, reply: bytes) -> None:
        self.phone.send(inside(asked, reply), ACCESS)
        self.softswitch.send(plain_answer(self.softswitch.get(b"BYE", self.tag), b"200 OK"), CORE)
        assert status(self.phone.get(b"SIP/2.0 200", b" BYE\r")) == 200

    def talk(self, reply: bytes, packets: int) -> None:
        port = int(reply.partition(b"m=audio ")[2].split()[0])
        for number in range(packets):
            self.media.send(b"\x80\x00" + number.to_bytes(2, "big") + bytes(168), ACCESS, port)

    def journal(self) -> bytes:
        return (self.directory / "cdr.json.journal").read_bytes()

    def live(self) -> str:
        """What the database holds of live calls."""
        with closing(sqlite3.connect(self.directory / "cdr.sqlite")) as database:
            return str(database.execute("SELECT data FROM calls WHERE state = 'open'").fetchall())

    def close(self) -> None:
        super().close()
        for party in (self.phone, self.softswitch, self.media):
            party.sock.close()


@contextmanager
def world(directory: Path) -> Iterator[Little]:
    with ExitStack() as ending:
        made = Little(directory)
        ending.callback(made.close)
        made.start()
        yield made


@pytest.mark.slow
def test_a_real_process_killed_in_mid_call_again_and_again(tmp_path: Path) -> None:
    with world(tmp_path) as here:
        for _ in range(3):
            here.hang_up(*here.call())
            _, reply = here.call()
            here.talk(reply, 40)
            here.call(answered=False)
            until(lambda: b'"packets":40' in here.journal())
            until(lambda: here.journal().count(b'"answer":null') >= 1)
            until(lambda: '"packets":40' in here.live() and '"answer":null' in here.live())
            here.end(signal.SIGKILL)
            here.start()
        found = lines(tmp_path)
        assert len(found) == 9 and len({record["record"] for record in found}) == 9
        assert Counter((r["ending"], r["answer"] is not None) for r in found) == {
            ("normal", True): 3,
            ("incomplete", True): 3,
            ("incomplete", False): 3,
        }
        for record in found:
            if record["ending"] == "incomplete" and record["answer"]:
                (only,) = record["streams"]
                assert only["sides"][0]["received"]["rtp"] == {"packets": 40, "octets": 40 * 172, "ip_octets": 40 * 200}
                assert only["codecs"] == ["PCMU/8000", "PCMA/8000"] and record["duration"] > 0
        here.call()
        here.end(signal.SIGTERM)
        assert [record["ending"] for record in lines(tmp_path)[9:]] == ["shutdown"]
        log = (tmp_path / "log").read_text()
        assert "2 calls in" in log and "cut short by a crash" in log and "Traceback" not in log


def test_records_look_as_the_manual_shows(tmp_path: Path) -> None:
    """Every key of a record is explained in docs/cdr.rst."""
    manual = (ROOT / "docs" / "cdr.rst").read_text()
    record = record_of()
    (only,) = record["streams"]
    for name in (*record, *record["legs"][0], *only, *only["sides"][0]):
        assert f"``{name}``" in manual, name


class Store:
    """What keeps calls c1 and c2."""

    def calls(self) -> frozenset[str]:
        return frozenset({"c1", "c2"})


def test_with_a_store_records_stay_open_and_what_one_file_knows_to_be_over_is_over_in_both(tmp_path: Path) -> None:
    service, _, _ = service_of(tmp_path)
    service.store = Store()
    service.startService()
    for call in ("c1", "c2"):
        service.meter.record(begun(call))
        service.meter.record(answered(call))
    stop(service)
    assert lines(tmp_path) == []
    only = service._sinks[0]
    only.open({"c1", "c2"})
    (key,) = [record["record"] for record in only.kept.values() if record["id"] == "c2"]
    only.write([entry(key)])  # the crash came before the database had it
    only.close()
    again, _, counted = service_of(tmp_path)
    again.store = Store()
    again.startService()
    assert set(again.left) == {"c1"} and again.over == {"c2"} and counted["cdr-incomplete"] == 0
    until(lambda: all(writer.waiting == 0 for writer in again.writers))
    stop(again)
    with closing(sqlite3.connect(tmp_path / "cdr.sqlite")) as database:
        states = dict(database.execute("SELECT id, state FROM calls").fetchall())
    assert states == {"c1": "open", "c2": "complete"} or states == {"c1": "open", "c2": "incomplete"}
    assert [json.loads(line)["id"] for line in (tmp_path / "cdr.json").read_bytes().splitlines()] == ["c2"]
