"""The ASN.1 library behind its one door: types, encoder, second opinion; and that SIP alone does not pay for it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from sbc.h323 import per
from sbc.h323.per import Unencodable
from sbc.h323.types import Choice, Integer, ListOf, Node, Sequence, Text
from tests.test_packaging import ROOT


def test_the_version_is_the_one_that_was_corrected() -> None:
    assert version("pycrate") == "0.8.1"
    assert "pycrate==0.8.1" in (ROOT / "setup.cfg").read_text()


def test_importing_compiles_nothing() -> None:
    """A process that speaks SIP alone must not load the types."""
    program = (
        "import sys, sbc.h323.codec, sbc.octets.tpkt\n"
        "assert not [name for name in sys.modules if name.startswith('pycrate')]\n"
        "sbc.h323.codec.prepare()\n"
        "assert 'pycrate_asn1dir.H225' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)


def test_types() -> None:
    ras = per.node("RasMessage")
    assert isinstance(ras, Choice) and ras.extensible
    assert [name for name, _ in ras.root[:3]] == ["gatekeeperRequest", "gatekeeperConfirm", "gatekeeperReject"]
    request = dict(ras.root)["registrationRequest"]
    assert isinstance(request, Sequence)
    components = {each.name: each for each in (*request.root, *request.additions)}
    assert isinstance(number := components["requestSeqNum"].node, Integer) and (number.low, number.high) == (1, 65535)
    assert components["terminalAlias"].optional and not components["rasAddress"].optional
    assert isinstance(addresses := components["rasAddress"].node, ListOf) and addresses.item.name == "TransportAddress"
    assert "timeToLive" in {each.name for each in request.additions}
    with pytest.raises(KeyError):
        per.node("Nothing")


def test_types_that_hold_themselves_are_made_once() -> None:
    seen: set[int] = set()

    def walk(node: Node) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        if isinstance(node, ListOf):
            walk(node.item)
        elif isinstance(node, Choice):
            for _, each in (*node.root, *node.additions):
                walk(each)
        elif isinstance(node, Sequence):
            for component in (*node.root, *node.additions):
                walk(component.node)

    for name in per.names():
        walk(per.node(name))
    assert 1000 < len(seen) < 5000


def test_digits_are_numbered_by_their_alphabet() -> None:
    alias = _find(per.node("RasMessage"), "AliasAddress")
    assert isinstance(alias, Choice)
    digits, text = (dict((*alias.root, *alias.additions))[name] for name in ("dialledDigits", "h323-ID"))
    assert isinstance(digits, Text) and (digits.width, digits.alphabet) == (4, "#*,0123456789")
    assert isinstance(text, Text) and (text.width, text.low, text.high) == (16, 1, 256)


def _find(node: Node, name: str, seen: set[int] | None = None) -> Node | None:
    seen = set() if seen is None else seen
    if id(node) in seen:
        return None
    seen.add(id(node))
    if node.name == name:
        return node
    inside: list[Node] = []
    if isinstance(node, ListOf):
        inside = [node.item]
    elif isinstance(node, Choice):
        inside = [each for _, each in (*node.root, *node.additions)]
    elif isinstance(node, Sequence):
        inside = [each.node for each in (*node.root, *node.additions)]
    return next((found for each in inside if (found := _find(each, name, seen)) is not None), None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RasMessage", ("noSuchMessage", {})),
        ("RasMessage", ("registrationRequest", {})),
        ("RasMessage", ("unregistrationConfirm", {"requestSeqNum": "seven"})),
        ("RasMessage", ("unregistrationConfirm", {"requestSeqNum": 1, "else": 2})),
        ("RasMessage", None),
        ("RasMessage", ("unregistrationConfirm", {"requestSeqNum": 0})),
        ("OpenLogicalChannel", []),
    ],
)
def test_what_is_no_value_is_refused_and_leaves_nothing(name: str, value: object) -> None:
    with pytest.raises(Unencodable):
        per.encode(name, value)
    confirm = per.encode("RasMessage", ("unregistrationConfirm", {"requestSeqNum": 7}))
    assert confirm.hex() == "1c0006"
    assert per.decode("RasMessage", confirm) == ("unregistrationConfirm", {"requestSeqNum": 7})


def test_the_second_opinion_says_where_it_has_none() -> None:
    with pytest.raises(Unencodable):
        per.decode("RasMessage", b"\x0e")
