"""Regular expressions mean the same on every Python that may run them."""

from __future__ import annotations

import re

from tests.test_floors import ROOT

POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[?*+]|\{[0-9,]+\})\+")


def test_no_group_is_repeated_possessively() -> None:
    """Python 3.11.0 to 3.11.4 (Debian 12 has 3.11.2) lose their place where such a repetition ends within the group:
    ``(?:a[0-9]++b)*+(.*)`` reads only ``2c`` as the rest of ``a1ba2c``. Atomic groups, ``(?>...)``, do the same and are
    read rightly."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / "sbc").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if POSSESSIVE_GROUP.search(line)
    ]
    assert not found
