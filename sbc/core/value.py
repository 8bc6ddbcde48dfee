"""Values: objects that nobody changes once they are made, which whoever checks types sees to.

attrs would see to it whenever one is made, by a call for each attribute, three times as long as to fill it takes; the
messages of a call make some fifty. Nothing else is different: values compare and hash by what they hold.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from attrs import frozen as value
else:
    value = partial(attrs.define, unsafe_hash=True)

__all__ = ["value"]
