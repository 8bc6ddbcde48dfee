"""Holds the floors of the house: who may import whom, what may be imported low down, and that the core is neutral."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# The first pattern that fits a module gives its floor.
FLOORS = (
    ("sbc", 0),
    ("sbc.compiled", 0),
    ("sbc.native", 0),
    ("sbc.said", 0),
    ("sbc.interfaces", 0),
    ("sbc.core.address", 0),
    ("sbc.core.intent", 0),
    ("sbc.core.message", 0),
    ("sbc.core.orders", 0),
    ("sbc.core.secured", 0),
    ("sbc.core.vpn", 0),
    ("sbc.core.terms", 0),
    ("sbc.core.value", 0),
    ("sbc.core.word", 0),
    ("sbc.core*", 1),
    ("sbc.text*", 1),
    ("sbc.octets*", 1),
    ("sbc.config*", 1),
    ("sbc.policy*", 1),
    ("sbc.media", 0),
    ("sbc.media.interfaces", 0),
    ("sbc.media.stream", 1),
    ("sbc.media.latching", 1),
    ("sbc.media.rtp", 1),
    ("sbc.media.rtcp", 1),
    ("sbc.media.counters", 1),
    ("sbc.media.flow", 1),
    ("sbc.media.meter", 1),
    ("sbc.media.bucket", 1),
    ("sbc.media.limits", 1),
    ("sbc.media.bundle", 1),
    ("sbc.media.inlet", 1),
    ("sbc.media.side", 1),
    ("sbc.media.codecs", 1),
    ("sbc.media.quality", 1),
    ("sbc.media.emodel", 1),
    ("sbc.media.packet", 1),
    ("sbc.media.pacing", 1),
    ("sbc.media.stun", 1),
    ("sbc.media.ice", 1),
    ("sbc.media.sealing", 1),
    ("sbc.media.kept", 1),
    ("sbc.media*", 3),
    ("sbc.ledger", 0),
    ("sbc.ledger.record", 1),
    ("sbc.ledger.joined", 1),
    ("sbc.ledger.reported", 1),
    ("sbc.ledger.volume", 1),
    ("sbc.ledger.usage", 1),
    ("sbc.ledger.rows", 1),
    ("sbc.ledger*", 3),
    ("sbc.*.protocol", 3),
    ("sbc.sip*", 2),
    ("sbc.h323*", 2),
    ("sbc.mgcp*", 2),
    ("sbc.h248*", 2),
    ("sbc.bans*", 3),
    ("sbc.store*", 3),
    ("sbc.admin*", 3),
    ("sbc.runner*", 3),
    ("sbc.failures", 3),
    ("sbc.connection", 3),
    ("sbc.connections", 3),
    ("sbc.listening", 3),
    ("sbc.guarding", 3),
    ("sbc.prepaid", 3),
    ("sbc.sockets", 3),
    ("sbc.keying", 3),
    ("sbc.tls", 3),
    ("sbc.handshake", 3),
    ("sbc.expiry", 3),
    ("sbc.websocket", 3),
    ("sbc.websocket_client", 3),
    ("sbc.spoken", 3),
    ("sbc.alarm", 3),
    ("sbc.journal", 3),
    ("sbc.locate", 3),
    ("sbc.resolvers", 3),
    ("sbc.tcp", 3),
    ("sbc.operations", 3),
    ("sbc.reload", 3),
    ("sbc.notify", 3),
    ("sbc.signals", 3),
    ("sbc.garbage", 3),
    ("sbc.steady", 3),
    ("sbc.daytime", 3),
    ("sbc.service", 4),
    ("sbc.tap", 4),
)
HIGHEST_PURE = 2
DIALECTS = ("sip", "h323", "mgcp", "h248")
PROTOCOL_WORDS = frozenset({"sip", "sips", "h323", "h225", "h245", "mgcp", "h248", "megaco"})

# What the pure floors may have besides the standard library, and what of it they may not (clocks, chance, the outside).
LIBRARIES = ("attr", "attrs", "zope.interface")
POLICY_LIBRARIES = {
    "sbc.policy.prefixes": "radix",
    "sbc.policy.customers": "radix",
    "sbc.policy.countries": "maxminddb",
}
ASN1_LIBRARIES = ("asn1tools", "pycrate_core", "pycrate_asn1rt", "pycrate_asn1dir")
ASN1_MODULES = ("sbc.h323.per", "sbc.h323.corrected", "sbc.h323.traversal", "sbc.h248.binary")
OUTSIDE = {"time", "random", "secrets", "uuid", "socket", "select", "selectors", "asyncio", "threading", "concurrent"}
OUTSIDE |= {"multiprocessing", "subprocess", "signal"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((ROOT / "sbc").rglob("*.py"))}


def floor(module: str) -> int | None:
    return next((number for pattern, number in FLOORS if fnmatchcase(module, pattern)), None)


def imports(source: str, module: str, is_package: bool) -> Iterator[str]:
    """The dotted name of everything `source` imports, wherever in it; of `from a import b`, a.b."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            stem = ".".join(filter(None, (base, node.module)))
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def own(name: str) -> str | None:
    """The module of ours that an imported name is, or is in."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def faults(module: str, source: str, is_package: bool) -> Iterator[str]:
    """What is wrong with the imports of one module."""
    mine = floor(module)
    if mine is None:
        yield f"{module} stands on no floor; give it one in {Path(__file__).name}"
        return
    dialect = module.split(".")[1] if module.count(".") and module.split(".")[1] in DIALECTS else None
    for name in imports(source, module, is_package):
        top = name.partition(".")[0]
        if top == "sbc":
            target = own(name)
            theirs = floor(target) if target else None
            if target is None or theirs is None or theirs > mine:
                yield f"{module} (floor {mine}) imports {name} (floor {theirs})"
            part = name.split(".")[1] if name.count(".") else None
            if dialect and part in DIALECTS and part != dialect:
                yield f"{module} imports another dialect, {name}"
        elif mine <= HIGHEST_PURE and not is_pure(name, module):
            yield f"{module} (floor {mine}) imports {name}"


def is_pure(name: str, module: str) -> bool:
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return top not in OUTSIDE
    allowed = LIBRARIES + (ASN1_LIBRARIES if module in ASN1_MODULES else ())
    allowed += (POLICY_LIBRARIES[module],) if module in POLICY_LIBRARIES else ()
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def words(source: str) -> Iterator[tuple[int, str]]:
    """Every word of the code, with its line: names, split at _ and capitals, strings; no comments, no docstrings."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        texts: list[str] = []
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in prose:
            texts.append(node.value if isinstance(node.value, str) else node.value.decode("latin-1"))
        for field in ("id", "attr", "name", "arg", "module", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                texts.append(value)
        for text in texts:
            for spelling in (text, text.replace(".", "")):  # a.sip and H.245
                for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+", spelling):
                    yield getattr(node, "lineno", 0), word.lower()


def acts(source: str) -> Iterator[int]:
    """The lines of a module that do something when it is imported."""
    for node in ast.parse(source).body:
        statement = isinstance(node, ast.For | ast.While | ast.With | ast.Try | ast.Assert | ast.Raise | ast.Delete)
        if statement or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)):
            yield node.lineno


@pytest.mark.parametrize("module", MODULES)
def test_imports_its_own_floor_or_lower(module: str) -> None:
    path = MODULES[module]
    assert not list(faults(module, path.read_text(), path.name == "__init__.py"))


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith(("sbc.core", "sbc.policy"))])
def test_core_names_no_protocol(module: str) -> None:
    assert not [(line, word) for line, word in words(MODULES[module].read_text()) if word in PROTOCOL_WORDS]


@pytest.mark.parametrize("module", MODULES)
def test_importing_does_nothing(module: str) -> None:
    assert not list(acts(MODULES[module].read_text()))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sbc.core.call", "import twisted"),
        ("sbc.core.call", "from twisted.internet import reactor"),
        ("sbc.core.call", "def f():\n    import time"),
        ("sbc.sip.codec", "from random import choice"),
        ("sbc.core.orders", "from sbc.core import realm"),
        ("sbc.core.orders", "from .realm import Realm"),
        ("sbc.core.call", "from sbc.sip.codec import decode"),
        ("sbc.sip.codec", "import sbc.h323.per"),
        ("sbc.sip.codec", "from sbc.admin import ctl"),
        ("sbc.admin.ctl", "from sbc import tap"),
        ("sbc.core.call", "import asn1tools"),
        ("sbc.somewhere.new", ""),
    ],
)
def test_the_rules_find_what_they_forbid(module: str, source: str) -> None:
    assert list(faults(module, source, False))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sbc.core.call", "import attrs\nfrom zope.interface import Interface\nfrom sbc.core.orders import Send"),
        ("sbc.sip.codec", "from sbc.core.address import Address\nfrom zope.interface import implementer"),
        ("sbc.sip.protocol", "from twisted.internet.protocol import DatagramProtocol\nimport time"),
        ("sbc.h323.per", "import asn1tools"),
    ],
)
def test_the_rules_let_the_rest_pass(module: str, source: str) -> None:
    assert not list(faults(module, source, False))


@pytest.mark.parametrize(
    "source",
    ["def parse_sip(): ...", "x = 'SIP/2.0'", "import sbc.h323", "class SipCall: ...", "a.h245", "x = 'H.245'"],
)
def test_the_word_search_finds_protocols(source: str) -> None:
    assert PROTOCOL_WORDS & {word for _, word in words(source)}


@pytest.mark.parametrize("source", ["'''SIP says so.'''", "gossip = 1  # SIP", "siphash = 'x'"])
def test_the_word_search_leaves_prose_and_parts_of_words(source: str) -> None:
    assert not PROTOCOL_WORDS & {word for _, word in words(source)}


@pytest.mark.parametrize(
    "source", ["print()", "for i in x: pass", "with x: pass", "try:\n    pass\nfinally:\n    pass"]
)
def test_actions_at_import_are_found(source: str) -> None:
    assert list(acts(source)) == [1]
