"""Commands and descriptors of binary messages, each made octet by octet; what is unknown stays and is not told."""

from __future__ import annotations

import pytest

from sbc.h248.ber import wrap
from sbc.h248.binary import decode
from sbc.h248.message import Action, BadH248, Command, Failure, Form, Verb
from tests.h248_binary import action, command, group, leaf, listed, message, modify, node, prop, reply, request
from tests.h248_binary import termination as named

ONE = node(0, named(b"\1"))
ROOT = node(0, named(b"\xff" * 8))


def asked(*commands: bytes) -> tuple[Command, ...]:
    return decode(message(request(1, action(b"\0", *commands)))).commands


def answered(*commands: bytes) -> tuple[Command, ...]:
    return decode(message(reply(1, action(b"\0", *commands)))).commands


def test_actions() -> None:
    emergency = listed(leaf(0, b"\7"), node(1, leaf(0, b"\1"), leaf(1, b"\xff")), node(3))
    calm = listed(leaf(0, b"\0\xff\xff\xff\xfe"), node(1, leaf(1, b"\0")), node(3))
    assert decode(message(request(1, emergency, calm))).actions == (Action(b"7", emergency=True), Action(b"$"))
    failed = listed(leaf(0, b"\7"), node(1, leaf(0, b"\1\xf6"), leaf(1, b"no")), node(2, leaf(1, b"\1")))
    assert decode(message(reply(1, failed))).actions == (Action(b"7", (), Failure(502, b"no"), True),)


def test_verbs_and_flags() -> None:
    found = asked(
        command(0, ONE, node(1)),
        listed(node(0, node(1, ONE, node(1))), leaf(1, b"")),
        listed(node(0, node(2, ONE, node(1))), leaf(2, b"")),
        command(3, ONE),
        command(4, node(0, node(0), leaf(1, b"\1")), node(1)),
        command(5, node(0, node(0), leaf(1, b"\1")), node(1), node(2, named(b"\2"), named(b"\3"))),
        command(6, ONE, node(1, leaf(0, b"\1"), node(1))),
        command(7, ROOT, node(1, leaf(0, b"\3"), node(4))),
    )
    assert [each.verb for each in found] == [
        Verb.ADD, Verb.MOVE, Verb.MODIFY, Verb.SUBTRACT, Verb.AUDIT_CAPABILITY, Verb.AUDIT_VALUE, Verb.NOTIFY,
        Verb.SERVICE_CHANGE,
    ]  # fmt: skip
    assert [(each.optional, each.wild) for each in found[:3]] == [(False, False), (True, False), (False, True)]
    assert [each.key for each in found[5].terminations] == [b"02", b"03"]
    assert [found[3].audit, found[4].audit, found[6].observed] == [None, (), ()]


def test_descriptors_of_a_request() -> None:
    event, signal = listed(leaf(0, b"\0\x45\0\1"), node(3)), leaf(0, b"\0\x99\0\1")
    sequence = node(1, leaf(0, b"\1"), node(1, listed(leaf(0, b"\0\x07\0\x31")), listed(leaf(0, b"\0\x07\0\x32"))))
    statistics = node(
        8, listed(leaf(0, b"\0\x0c\0\4"), node(1, wrap(4, b"\2\2\4\xe2"))), listed(leaf(0, b"\0\x0b\0\2"))
    )
    [found] = asked(
        command(
            0,
            ONE,
            node(
                1,
                node(5, node(0, signal, node(6)), sequence),
                node(3, leaf(0, b"\1"), node(1, event)),
                node(7, leaf(0, b"\1\x22"), node(1, node(5, leaf(0, b"\0\x0c\0\4")))),
                statistics,
                node(1, b"\x80\0"),  # a modem
                node(25, b"\x80\0"),  # nobody knows
            ),
        )
    )
    assert (found.signals, found.events) == ((b"ipnapt/latch", b"cg/rt", b"cg/bt"), (b"it/ito",))
    assert found.audit == ("media", "statistics")
    assert found.statistics == ((b"rtp/ps", b"1250"), (b"nt/os", b""))


def test_streams() -> None:
    one = node(0, node(1, node(0, node(0, leaf(0, b"\2"), node(3)))))
    [found] = asked(command(2, ONE, node(1, one)))
    assert [(each.id, each.mode, each.local, each.remote) for each in found.streams] == [(1, "sendreceive", None, None)]
    local, remote = node(1, node(0)), node(2, node(0, group(prop(0xB001, b"0")), group(prop(0xB001, b"1"))))
    odd = node(0, leaf(0, b"\x63"))
    counted = node(3, listed(leaf(0, b"\0\x0c\0\4"), node(1, wrap(4, b"7"))))
    several = node(
        0, node(0, leaf(2, b"\2")), node(1, node(1, *[
            listed(leaf(0, b"\1"), node(1, odd, local, remote, node(9, b"\x80\0"))),
            listed(leaf(0, b"\1\2"), node(1, counted)),
        ])),
    )  # fmt: skip
    [found] = asked(command(2, ONE, node(1, several)))
    first, second = found.streams
    assert (first.id, first.mode, second.id, second.statistics) == (1, "", 258, ((b"rtp/ps", b"7"),))
    assert first.local is not None and first.local.groups == ()
    assert first.remote is not None and [each.text for each in first.remote.groups] == [b"v=0", b"v=1"]


def test_events_that_were_observed() -> None:
    observed = node(1, leaf(0, b"\1"), node(1, listed(leaf(0, b"\0\x09\0\5"), node(2))))
    [found] = asked(command(6, ONE, observed, node(2, leaf(0, b"\1\xf6"))))
    assert (found.observed, found.error) == ((b"al/of",), Failure(502))


def test_a_change_of_service() -> None:
    address = node(1, node(1, leaf(0, b"\x0a\0\0\1"), leaf(1, b"\x0b\x80")))
    parameters = node(
        1, leaf(0, b"\3"), address, leaf(2, b"\3"), node(3, leaf(0, b"resgw/1")), node(4, wrap(4, b"901 Cold")),
        leaf(5, b"\x0a"), node(6, node(2, leaf(0, b"mgc.example"))),
        node(7, leaf(0, b"20261126"), leaf(1, b"16300000")), node(8, b"\x80\0"), leaf(10, b""),
    )  # fmt: skip
    [found] = asked(command(7, ROOT, parameters))
    said = found.services
    assert said is not None and said.address is not None and said.mgc is not None
    assert (said.method, said.reason, said.code, said.delay, said.version) == ("restart", b"901 Cold", 901, 10, 3)
    assert (said.address.text, said.mgc.text) == (b"[10.0.0.1]:2944", b"<mgc.example>")
    assert (said.profile, said.timestamp, said.incomplete) == (b"resgw/1", b"20261126T16300000", True)
    [found] = asked(command(7, ROOT, node(1, leaf(0, b"\x63"), node(1, leaf(0, b"\x0b\x80")), node(4))))
    said = found.services
    assert said is not None and said.address is not None
    assert (said.method, said.reason, said.address.form) == ("", b"", Form.PORT)


def test_answers() -> None:
    stated = node(1, node(0, leaf(0, b"\1\xf6")), node(4, node(1, listed(leaf(0, b"\0\x09\0\5")))), node(8, node(1)))
    counted = node(1, node(9, listed(leaf(0, b"\0\x0c\0\4"), node(1, wrap(4, b"10")))))
    result = node(1, node(0, node(3, leaf(0, b"mgc2"))), leaf(2, b"\1"))
    found = answered(
        node(0, ONE),
        node(2, ONE, stated),
        node(3, ONE, counted),
        node(6, ONE),
        node(6, ONE, node(1, leaf(0, b"\1\xf6"))),
        node(7, ROOT, node(1, node(0, leaf(0, b"\1\xf6")))),
        node(7, ROOT, node(1, result)),
    )
    assert [each.error for each in found] == [
        None, Failure(502), None, None, Failure(502), Failure(502), None,
    ]  # fmt: skip
    assert (found[1].events, found[1].observed, found[2].statistics) == ((b"al/of",), (), ((b"rtp/ps", b"10"),))
    said = found[6].services
    assert said is not None and said.mgc is not None and (said.mgc.name, said.version) == (b"mgc2", 1)


def test_answers_to_audits() -> None:
    found = answered(
        node(5, node(0, named(b"\1"), named(b"\2"))),
        node(5, node(1, leaf(0, b"\1\xf6"))),
        node(4, node(2, node(0, node(0), leaf(1, b"\1")), node(1, node(6)))),
        node(5, node(3, node(0, named(b"\1"), named(b"\2")), node(1, node(1)))),
        node(5, node(0)),
    )
    assert [[one.key for one in each.terminations] for each in found] == [
        [b"01", b"02"],
        [],
        [b"01"],
        [b"01", b"02"],
        [],
    ]
    assert (found[1].error, found[2].signals, found[2].verb) == (Failure(502), (), Verb.AUDIT_CAPABILITY)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (message(request(1, listed(node(3)))), 422),
        (message(request(1, listed(leaf(0, b"\1" * 6), node(3)))), 422),
        (message(request(1, action(b"\0", listed()))), 442),
        (message(request(1, action(b"\0", command(8, ONE)))), 443),
        (message(request(1, action(b"\0", command(0)))), 442),
        (message(request(1, action(b"\0", command(0, node(0), node(1))))), 442),
        (message(request(1, action(b"\0", command(6, ONE)))), 442),
        (message(request(1, action(b"\0", command(7, ROOT)))), 442),
        (
            message(
                request(1, action(b"\0", command(7, ROOT, node(1, leaf(0, b"\3"), node(1, leaf(9, b"")), node(4)))))
            ),
            442,
        ),
        (message(reply(1, action(b"\0", node(5)))), 442),
        (message(reply(1, action(b"\0", node(7, ROOT)))), 442),
        (modify(listed(listed(leaf(0, b"\0\0\xb0\1")))), 442),
        (modify(group(prop(0x6001, b"\1"))), 442),
    ],
)
def test_faults_say_where(octets: bytes, code: int) -> None:
    with pytest.raises(BadH248) as caught:
        decode(octets)
    assert caught.value.code == code
    partial = caught.value.partial
    assert partial is not None and partial.transaction and partial.mid.text == b"[10.0.0.1]"
