"""Binary messages: the recorded ones word for word what their text says, every address written over and back, what is
unknown kept; several transactions, and what is none."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sbc.core.message import BadMessage
from sbc.h248 import text
from sbc.h248.ber import wrap
from sbc.h248.binary import MAX_MESSAGE, decode, parts
from sbc.h248.message import BadH248, Body, Failure, Form, H248Message, Wire
from tests.circles import no_circles
from tests.h248_binary import HOST, action, command, group, leaf, listed, message, modify, node, prop, reply, request
from tests.h248_binary import termination as named
from tests.h248_erlang import as_list, needs_erlang, terms
from tests.h248_laws import check_laws, groups, mended, mids, rewritten
from tests.h248_messages import BINARY, BINARY_TALKS, PRETTY, needs_recorded, suffix

ROOT_FOLDER = Path(__file__).parents[2]
RECORDED = [data for _, data in BINARY] + BINARY_TALKS
ONE = node(0, named(b"\1"))
ROOT = node(0, named(b"\xff" * 8))
CHANGE = message(
    request(
        3,
        action(
            b"\0",
            command(
                7, ROOT,
                node(
                    1, leaf(0, b"\3"), node(1, node(1, leaf(0, b"\x0a\0\0\1"), leaf(1, b"\x0b\x80"))), leaf(2, b"\1"),
                    node(4, wrap(4, b"901")), node(6, node(0, leaf(0, b"\x0a\0\0\2"))), node(12, b"\x80\0"),
                ),
            ),
        ),
    ),
    signed=node(0, leaf(0, b"\0\0\0\1"), leaf(1, b"\0\0\0\1"), leaf(2, b"x" * 12)),
)  # fmt: skip


def meaning(said: H248Message) -> tuple[object, ...]:
    """Without the names of terminations, which each encoding has its own way with."""

    def bare(each: H248Message) -> tuple[object, ...]:
        return tuple(
            attrs.evolve(
                action,
                commands=tuple(
                    attrs.evolve(
                        command, terminations=tuple(attrs.evolve(one, key=b"") for one in command.terminations)
                    )
                    for command in action.commands
                ),
            )
            for action in each.actions
        )

    return tuple(bare(said) if each is said.actions else each for each in said.meaning)


@needs_recorded
def test_each_recorded_message_says_what_its_text_says() -> None:
    texts = {suffix(name): data for name, data in PRETTY}
    compared = 0
    for name, data in BINARY:
        ours, theirs = parts(data), text.parts(texts[suffix(name)])
        assert len(ours) == len(theirs), name
        for one, other in zip(ours, theirs, strict=True):
            assert meaning(decode(one)) == meaning(text.decode(other)), name
            compared += 1
    assert compared >= 75


@needs_recorded
def test_recorded_messages_keep_the_laws() -> None:
    assert len(RECORDED) > 90
    for data in RECORDED:
        check_laws(data)


@needs_recorded
def test_every_address_is_written_over() -> None:
    found = 0
    for data in RECORDED:
        for each in parts(data):
            said = decode(each)
            hosts = {mid.address.host for mid in mids(said) if mid.address is not None and mid.form.value == "ip4"}
            hosts |= {
                line.split()[2].decode() for one in groups(said) for line in one.text.split(b"\r\n") if b"IP4 " in line
            }
            hosts -= {"$"}
            found += len(hosts)
            after = rewritten(each, "203.0.113.200")
            for host in hosts:
                assert host.encode() not in after
                assert bytes(map(int, host.split("."))) not in after
    assert found > 100


@needs_erlang
@needs_recorded
def test_erlang_reads_what_was_written_over(tmp_path: Path) -> None:
    """Its terms before and after differ in the addresses and the number, and in nothing else."""
    each = [one for data in RECORDED for one in parts(data)]
    before, after = terms(tmp_path, each), terms(tmp_path, [rewritten(one, "203.0.113.200") for one in each])
    touched = 0
    for data, old, new in zip(each, before, after, strict=True):
        said = decode(data)
        wanted = old
        for mid in mids(said):
            if mid.address is not None and mid.form is Form.IP4:
                packed = as_list(bytes(map(int, mid.address.host.split("."))))
                port = mid.address.port or "asn1_NOVALUE"
                wanted = wanted.replace(
                    f"{{'IP4Address',{packed},{port}}}", f"{{'IP4Address',{as_list(bytes((203, 0, 113, 200)))},40000}}"
                )
        for one in groups(said):
            now = mended(one.text, "203.0.113.200", 40_000)
            for was, line in zip(one.text.split(b"\r\n"), now.split(b"\r\n"), strict=True):
                wanted = wanted.replace(as_list(was[2:]), as_list(line[2:]))
        wanted = re.sub(r"('(?:Transaction(?:Request|Reply|Pending)|SegmentReply)',)\d+", r"\g<1>1234567", wanted)
        assert new == wanted, data.hex()
        touched += new != old
    assert touched > 70 and not any(one.startswith("fault") for one in before)


def test_a_message() -> None:
    data = modify(group(prop(0xB001, b"0"), prop(0xB008, b"IN IP4 10.0.0.1"), prop(0xB00F, b"audio 4000 RTP/AVP 8")))
    said = decode(data)
    assert (said.wire, said.version, said.body, said.transaction) == (Wire.BINARY, 1, Body.REQUEST, 9)
    assert (said.mid.text, said.actions[0].context, said.commands[0].termination.key) == (b"[10.0.0.1]", b"7", b"0102")
    [stream] = said.commands[0].streams
    assert stream.remote is not None and not said.signed
    [told] = stream.remote.groups
    said.edit(told.at, told.text.replace(b"10.0.0.1", b"192.0.2.77").replace(b"4000", b"50002"))
    said.edit(said.mid.at, b"[192.0.2.1]:2944")
    said.edit(said.transaction_at, b"4294967295")
    said.edit(said.actions[0].context_at, b"*")
    said.edit(said.commands[0].termination.at, b"01*")
    again = decode(said.encode())
    assert (again.mid.text, again.transaction, again.actions[0].context) == (b"[192.0.2.1]:2944", 0xFFFF_FFFF, b"*")
    assert again.commands[0].termination.key == b"01*"
    assert [each.text for each in groups(again)] == [b"v=0\r\nc=IN IP4 192.0.2.77\r\nm=audio 50002 RTP/AVP 8"]
    said.edit(told.at, told.text)
    said.edit(said.mid.at, b"[10.0.0.1]")
    said.edit(said.transaction_at, b"9")
    said.edit(said.actions[0].context_at, b"7")
    said.edit(said.commands[0].termination.at, b"0102")
    assert said.encode() == data


def test_taken_out_and_put_in() -> None:
    said = decode(CHANGE)
    assert said.signed
    services = said.commands[0].services
    assert services is not None and services.address is not None and services.mgc is not None
    said.edit(services.version_at, b"3")
    said.edit(services.address.at, b"2944")
    said.drop(said.signed_at)
    said.drop(services.mgc.at)
    again = decode(said.encode())
    after = again.commands[0].services
    assert after is not None and after.address is not None
    assert (after.version, after.address.text, after.mgc, again.signed) == (3, b"2944", None, False)
    assert node(12, b"\x80\0") in said.encode()  # what is not known stays
    said.drop(services.address.at)
    without = decode(said.encode())
    bare = without.commands[0].services
    assert bare is not None and bare.address is None


def test_what_may_not_be_done() -> None:
    said = decode(CHANGE)
    services = said.commands[0].services
    assert services is not None and services.address is not None
    for at, new in (
        (said.mid.at, b"[300.0.0.1]"),
        (services.address.at, b"nobody at all"),
        (said.transaction_at, b"x"),
        (said.transaction_at, b"4294967296"),
        (said.actions[0].context_at, b"?"),
        (said.commands[0].termination.at, b"?"),
        (said.signed_at, b"1"),
        (None, b"1"),
    ):
        with pytest.raises(BadMessage):
            said.edit(at, new)
    for at in (said.mid.at, said.transaction_at, None):
        with pytest.raises(BadMessage):
            said.drop(at)
    assert said.encode() == CHANGE


def test_it_may_not_grow_without_end() -> None:
    said = decode(modify(*[group(prop(0xB008, b"IN IP4 $"))] * 100))
    for each in groups(said):
        said.edit(each.at, b"c=" + b"x" * 700)
    with pytest.raises(BadMessage, match="too long"):
        said.encode()


def test_bodies() -> None:
    number = leaf(0, b"\x05")
    failed = node(0, leaf(0, b"\1\xf6"), leaf(1, b"no"))
    bare = listed(node(1, leaf(0, b"\1"), HOST, node(2, failed)))
    assert (decode(bare).body, decode(bare).error) == (Body.ERROR, Failure(502, b"no"))
    assert parts(bare) == (bare,)
    assert decode(message(node(1, number))).body is Body.PENDING
    acks = decode(message(node(3, listed(leaf(0, b"\1")), listed(leaf(0, b"\2"), leaf(1, b"\4")))))
    assert (acks.body, acks.acks, acks.transaction) == (Body.ACK, ((1, 1), (2, 4)), 0)
    segment = decode(message(node(4, number, leaf(1, b"\2"), leaf(2, b""))))
    assert (segment.body, segment.segment, segment.last) == (Body.SEGMENT, 2, True)
    answer = decode(message(node(2, number, leaf(1, b""), node(2, node(1)), leaf(3, b"\1"), leaf(4, b""))))
    assert (answer.body, answer.wants_ack, answer.segment, answer.last) == (Body.REPLY, True, 1, True)
    refused = decode(message(node(2, number, node(2, failed))))
    assert (refused.body, refused.error, refused.actions) == (Body.REPLY, Failure(502, b"no"), ())


def test_several_transactions() -> None:
    each = [
        request(1, action(b"\0", command(3, ONE))),
        node(1, leaf(0, b"\2")),
        reply(3),
        node(3, listed(leaf(0, b"\4"))),
    ]
    data = message(*each)
    assert parts(data) == tuple(message(one) for one in each)
    assert [decode(one).body for one in parts(data)] == [Body.REQUEST, Body.PENDING, Body.REPLY, Body.ACK]
    with pytest.raises(BadH248) as caught:
        decode(data)
    assert caught.value.code == 413 and caught.value.partial is not None
    alone = message(each[0])
    assert parts(alone)[0] is alone
    assert len(parts(message(*[each[1]] * 16))) == 16
    many = message(*[each[1]] * 17)
    assert parts(many) == (many,)
    with pytest.raises(BadH248) as caught:
        decode(many)
    assert caught.value.code == 413


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", 400),
        (b"MEGACO/1 [10.0.0.1]", 400),
        (b"\x30\x00", 400),
        (b"\x10\x00", 400),
        (listed(node(1, HOST)), 400),
        (listed(node(1, leaf(0, b"\1"), HOST)), 400),
        (listed(node(1, leaf(0, b"\1"), HOST, node(2, node(2)))), 400),
        (message(), 400),
        (message(node(7, leaf(0, b"\1"))), 400),
        (message(node(1)), 400),
        (message(node(1, leaf(0, b"\1" * 5))), 400),
        (message(node(0, leaf(0, b"\1"))), 400),
        (message(node(2, leaf(0, b"\1"))), 400),
        (message(node(1, leaf(0, b"\1")), version=4), 406),
        (message(node(1, leaf(0, b"\1")), version=0), 406),
        (b"\x30" * MAX_MESSAGE + b"\x30", 400),
    ],
)
def test_what_is_no_message(data: bytes, code: int) -> None:
    with pytest.raises(BadH248) as caught:
        decode(data)
    assert caught.value.code == code
    if code == 406:
        assert caught.value.partial is not None and caught.value.partial.transaction == 1


def test_a_fault_in_a_message_of_several_is_found_where_it_is() -> None:
    good, bad = request(1, action(b"\0", command(3, ONE))), request(2, action(b"\0", command(3)))
    first, second = parts(message(good, bad))
    assert decode(first).transaction == 1
    with pytest.raises(BadH248) as caught:
        decode(second)
    assert (caught.value.code, caught.value.partial and caught.value.partial.transaction) == (442, 2)


SAMPLES = [CHANGE, modify(group(prop(0x6001, b"\x0a\0\0\1"), prop(0x6003, b"\x0f\xa0"))), *RECORDED[::9]]


@given(st.sampled_from(SAMPLES), st.data())
def test_whatever_befalls_a_message(data: bytes, chance: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(chance.draw(st.integers(1, 6))):
        at = chance.draw(st.integers(0, len(damaged) - 1))
        what = chance.draw(st.sampled_from(("set", "cut", "twice")))
        if what == "set":
            damaged[at] = chance.draw(st.integers(0, 255))
        elif what == "cut":
            del damaged[at : at + chance.draw(st.integers(1, 3))]
            damaged = damaged or bytearray(b"\x30")
        else:
            damaged[at:at] = damaged[at : at + chance.draw(st.integers(1, 40))]
    check_laws(bytes(damaged))


@given(st.binary(max_size=300))
@example(b"\x30\x80\x00\x00")
def test_anything(data: bytes) -> None:
    check_laws(data)
    check_laws(b"\x30" + bytes((len(data) & 0x7F,)) + data)


def test_no_library_is_loaded() -> None:
    program = "import sys, sbc.h248.binary\nassert not [name for name in sys.modules if name.startswith('pycrate')]"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT_FOLDER, timeout=60)


def test_nothing_is_left_to_the_garbage_collector() -> None:
    with no_circles():
        for _ in range(10):
            said = decode(CHANGE)
            said.edit(said.mid.at, b"[192.0.2.1]:2944")
            said.encode()
            parts(message(request(1), request(2)))
            with suppress(BadH248):
                decode(message(request(1, action(b"\0", command(3)))))
        del said
