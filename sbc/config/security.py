"""How a realm's media is secured: ``media_security`` and ``[realms.NAME.srtp]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from sbc.config import kinds
from sbc.config.dialects import says_handshakes, suites_of
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys
from sbc.core.orders import Listener
from sbc.core.secured import SUITES, MediaSecurity, Protection

Suite = Enum("Suite", {name: name for name in SUITES})  # type: ignore[misc]
"""The suites, as words of the configuration."""

TABLES: dict[str, tuple[Key, ...]] = {
    "realms.NAME.srtp": (
        Key("suites", kinds.many(kinds.choice(Suite), 1, "suites")),
        Key("sdes_over_clear", kinds.boolean()),
        Key("fax_in_clear", kinds.boolean()),
        Key("end_unkeyed", kinds.boolean()),
    ),
}


def read(
    values: dict[str, Any], table: Mapping[str, Any], at: str, listeners: Sequence[Listener], findings: Findings
) -> Protection:
    """What the realm at `at`, whose own `values` are read, demands; its ``[realms.NAME.srtp]`` is `table`."""
    mode = values.pop("media_security", MediaSecurity.PASS)
    said = read_keys(table, f"{at}.srtp", TABLES["realms.NAME.srtp"], findings)
    named = [each.value for each in said.get("suites", ())] or list(SUITES)
    if len(set(named)) < len(named):
        findings.add(f"{at}.srtp.suites", list(table["suites"]), "names a suite twice", "each of them once")
    flags = {name: said[name] for name in ("sdes_over_clear", "fax_in_clear", "end_unkeyed") if name in said}
    protection = Protection(mode, tuple(named), **flags)
    private = any(each.secured for each in listeners)
    if mode is MediaSecurity.SDES and listeners and not private and not protection.sdes_over_clear:
        problem = "no listener of this realm is encrypted, so no key could ever be said"
        findings.add(f"{at}.media_security", mode.value, problem, "a listener for TLS, or srtp.sdes_over_clear = true")
    spoken = {each.dialect for each in listeners}
    wordless = min((each for each in spoken if not says_handshakes(each)), default="")
    if wordless and mode is MediaSecurity.DTLS:
        problem = f"{wordless} has no words for that, so that no call of it would pass"
        findings.add(f"{at}.media_security", mode.value, problem, "a realm of its own for that")
    unnamed = min((each for each in spoken if not set(suites_of(each)) & set(named)), default="")
    if unnamed and mode is MediaSecurity.SDES:
        problem = f"{unnamed} can name none of them, so that no call of it would pass"
        findings.add(f"{at}.srtp.suites", named, problem, "one of " + ", ".join(sorted(suites_of(unnamed))))
    return protection
