"""The tables by which calls are paid for before they are made: ``[prepaid]``, and that of a realm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys
from sbc.core.realm import Side
from sbc.policy.quota import Prepaid, Unknown

if TYPE_CHECKING:
    from sbc.config.checks import Draft

TABLES: dict[str, tuple[Key, ...]] = {
    "prepaid": (
        Key("file", kinds.text("the path of a file; a relative one starts at the configuration file's directory"),
            required=True),
        Key("pace", kinds.seconds(0.1, 0.9)),
    ),
    "realms.NAME.prepaid": (
        Key("unknown", kinds.choice(Unknown)),
        Key("incoming", kinds.boolean()),
        Key("warn", kinds.fraction()),
    ),
}  # fmt: skip


def read(table: Mapping[str, Any], at: str, side: Side | None, findings: Findings) -> Prepaid | None:
    """How the terminals of an access realm pay whose table stands at `at`."""
    values = read_keys(table, at, TABLES["realms.NAME.prepaid"], findings)
    if side is Side.CORE:
        findings.add(at, None, "terminals pay where they are, which is in access realms", "the table of such a realm")
    return Prepaid(**values)


def check(draft: Draft, findings: Findings) -> None:
    """Add to `findings` each realm whose terminals pay in advance where no accounts are kept."""
    if draft.prepaid is not None:
        return
    for realm in draft.realms.values():
        if realm.values.get("prepaid") is not None:
            problem = "accounts must be kept, or they would be full again after a restart"
            findings.add(f"{realm.at}.prepaid", None, problem, "[prepaid] with a file beside it")
