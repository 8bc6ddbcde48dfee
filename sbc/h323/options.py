"""What a path may be told about H.323 alone: its table ``[paths.h323]``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys
from sbc.core.realm import Path


class Tokens(Enum):
    """What becomes of tokens that cover a whole message, where something in it had to be changed (H.235.1, H.235.2)."""

    PASS = "pass"  # as they came: whoever checks them finds that the message was changed
    STRIP = "strip"  # taken out: whoever gets the message trusts the SBC, or other tokens beside them
    REFUSE = "refuse"  # the message does not cross, and its sender is told so


class Private(Enum):
    """What terminals are told of who does not want to be known to them."""

    STRIP = "strip"  # nothing
    KEEP = "keep"  # all that was said: the access realm is trusted to show it to nobody


@attrs.frozen
class H323Options:
    """What a path is told about H.323."""

    tokens: Tokens = Tokens.PASS
    private: Private = Private.STRIP


DEFAULTS = H323Options()
NEEDS = {"pycrate": "0.8.1"}
"""The package that reads and writes ASN.1, in the one version whose encoder is corrected here: the extra ``h323``."""
SUITES = frozenset({"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"})
"""By which its messages can say that media is secured (H.235.8)."""
HANDSHAKES = False
"""For DTLS they have no words."""
CALLS_BY_CONNECTIONS = True
TABLES: dict[str, tuple[Key, ...]] = {
    "paths[].h323": (Key("tokens", kinds.choice(Tokens)), Key("private", kinds.choice(Private)))
}
"""Every key of a path's table, named as in sbc.config.schema.TABLES."""


def of(path: Path) -> H323Options:
    """The options of a path."""
    found: H323Options = path.options.get("h323", DEFAULTS)
    return found


def read(table: Mapping[str, Any], at: str, findings: Findings) -> H323Options:
    """The options in the table at `at`; what is wrong is added to `findings`, and left out."""
    return H323Options(**read_keys(table, at, TABLES["paths[].h323"], findings))
