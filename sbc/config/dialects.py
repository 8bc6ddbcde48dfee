"""What dialects add to the configuration: each has a table of its own name in a path, which it reads itself.

A dialect is found by its name, in ``sbc.NAME.options``, so that no line here or in the core speaks of any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, Tables
from sbc.core.orders import Listener
from sbc.core.realm import Signaling
from sbc.core.secured import SUITES

if TYPE_CHECKING:
    from sbc.config.checks import Draft, DraftRealm


class DialectOptions(Protocol):
    """What ``sbc.NAME.options`` has to offer."""

    TABLES: Tables
    """The keys of its table ``paths[].NAME``, and of those within it."""
    NEEDS: Mapping[str, str]
    """Packages that nothing else needs, and in which version; may be missing. They come with the extra of its name."""
    SUITES: Collection[str]
    """By which suites its messages can say that media is secured; may be missing, and then by all."""
    HANDSHAKES: bool
    """Whether they can say that keys come by DTLS; may be missing, and then can."""
    OWN_PORTS: bool
    """Whether its terminals can be told apart by ports of their own alone; may be missing, and then is not."""
    CALLS_BY_CONNECTIONS: bool
    """Whether its calls go by connections, whatever goes by datagrams besides; may be missing, and then do not."""

    def read(self, table: Mapping[str, Any], at: str, findings: Findings) -> Any:
        """The value of its table, which stands at `at`; None where too much of it is wrong. The core never looks at it
        (``Path.options``)."""


def options_of(protocol: str) -> DialectOptions | None:
    """What the dialect of that name adds, if it does."""
    if not protocol.isidentifier() or find_spec("sbc." + protocol) is None:
        return None
    name = f"sbc.{protocol}.options"
    return cast(DialectOptions, import_module(name)) if find_spec(name) is not None else None


def check_installed(listeners: Iterable[tuple[str, Listener]], findings: Findings) -> None:
    """Add to `findings` where a protocol is spoken first of which a package is not installed, or another version of it.
    Each listener comes with its key."""
    judged: set[str] = set()
    for at, listener in listeners:
        protocol = listener.dialect
        if protocol in judged:
            continue
        judged.add(protocol)
        problem = lacking(getattr(options_of(protocol), "NEEDS", {}))
        if problem:
            findings.add(f"{at}.protocol", protocol, problem, f"after: pip install 'sbc[{protocol}]'")


def lacking(needs: Mapping[str, str]) -> str:
    """What is not installed of these packages, in these versions; empty where nothing is lacking."""
    for package, wanted in needs.items():
        found = _installed(package)
        if found != wanted:
            return f"needs the package {package} {wanted}, " + (f"not {found}" if found else "which is not installed")
    return ""


def check_ports(draft: Draft, findings: Findings) -> None:
    """Add to `findings` each path that has to give every terminal a port of its own, and does not."""
    for path in draft.paths:
        core = draft.realms.get(path.values.get("core", ""))
        said = path.values.get("signaling", Signaling.SHARED)
        if core is None or said is Signaling.PORT_PER_TERMINAL:
            continue
        wanting = own_ports(core)
        if wanting:
            problem = f"cannot tell apart the gateways of {', '.join(wanting)}, which {core.at} has a listener for"
            allowed = '"port-per-terminal", and signaling_ports'
            findings.add(f"{path.at}.signaling", said.value, problem, allowed)


def suites_of(protocol: str) -> Collection[str]:
    """The suites by which media can be said to be secured in that protocol."""
    return cast("Collection[str]", getattr(options_of(protocol), "SUITES", SUITES))


def says_handshakes(protocol: str) -> bool:
    """Whether it can be said in that protocol that keys come by DTLS."""
    return bool(getattr(options_of(protocol), "HANDSHAKES", True))


def own_ports(core: DraftRealm) -> list[str]:
    """What is spoken in a core realm whose terminals can be told apart by ports of their own alone, whatever goes by
    those."""
    spoken = {listener.dialect for _, listener in core.listeners}
    return sorted(each for each in spoken if getattr(options_of(each), "OWN_PORTS", False))


def calls_by_connections(protocol: str) -> bool:
    """Whether its calls go by connections, whatever goes by datagrams besides."""
    return bool(getattr(options_of(protocol), "CALLS_BY_CONNECTIONS", False))


def _installed(package: str) -> str:
    """The version of a package that is installed; empty where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def all_tables(tables: Tables, protocols: Iterable[str]) -> dict[str, tuple[Key, ...]]:
    """`tables` with what the dialects of `protocols` add."""
    whole = {name: tuple(keys) for name, keys in tables.items()}
    for protocol in protocols:
        options = options_of(protocol)
        if options is not None:
            whole["paths[]"] += (Key(protocol, kinds.table()),)
            whole |= {name: tuple(keys) for name, keys in options.TABLES.items()}
    return whole
