"""What a path may be told about MGCP alone: its table ``[paths.mgcp]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from sbc.config import kinds
from sbc.config.faults import Findings
from sbc.config.keys import Key, read_keys
from sbc.core.realm import Path

_LOCAL_NAME = re.compile(r"[!-?A-~]{1,200}")


class Asked(Enum):
    """By what a gateway is asked whether it lives."""

    AUEP = "auep"  # AuditEndpoint, which changes nothing
    RQNT = "rqnt"  # a NotificationRequest that requests nothing, for gateways that answer no other


@attrs.frozen
class MgcpOptions:
    """What a path is told about MGCP. `endpoint` is the local name of the endpoint that is asked; empty: what the
    gateway registered last."""

    keepalive: Asked = Asked.AUEP
    endpoint: str = ""


DEFAULTS = MgcpOptions()
OWN_PORTS = True
"""A transaction says nothing of which gateway it is of, and two may be called alike: each has a port of its own."""
TABLES: dict[str, tuple[Key, ...]] = {
    "paths[].mgcp": (
        Key("keepalive", kinds.choice(Asked)),
        Key("endpoint", kinds.text("the local name of an endpoint")),
    )
}
"""Every key of a path's table, named as in sbc.config.schema.TABLES."""


def of(path: Path) -> MgcpOptions:
    """The options of a path."""
    found: MgcpOptions = path.options.get("mgcp", DEFAULTS)
    return found


def read(table: Mapping[str, Any], at: str, findings: Findings) -> MgcpOptions:
    """The options in the table at `at`; what is wrong is added to `findings`, and left out."""
    options = MgcpOptions(**read_keys(table, at, TABLES["paths[].mgcp"], findings))
    allowed = 'the local name of an endpoint, for example "aaln/1"'
    if options.endpoint and _LOCAL_NAME.fullmatch(options.endpoint) is None:
        findings.add(f"{at}.endpoint", options.endpoint, "is no local name of an endpoint", allowed)
        return DEFAULTS
    if options.keepalive is Asked.RQNT and not options.endpoint:
        # a request for nothing ends all requests that the call agent has made of that endpoint
        findings.missing(f"{at}.endpoint", f'{allowed}, that nobody calls by: keepalive = "rqnt" ends its requests')
        return DEFAULTS
    return options
