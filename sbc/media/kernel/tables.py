"""Tables of what becomes of DSCPs, as the kernel's programs look into them: each is there once, by a number."""

from __future__ import annotations

from typing import Any

_PLACES = 256  # RELAY_TABLES; the first is nobody's,
_ZEROS = _PLACES - 1  # and the last is never written
_CODES = 64
_NONE = bytes(_CODES)


class Tables:
    """``struct relay_marks`` in memory that outlives the process. What is in it once stays: slots of an earlier process
    may name it."""

    def __init__(self, module: Any, relay: Any) -> None:
        """`module` is the loader's."""
        self._memory = module.ffi.buffer(module.lib.relay_marks(relay), _PLACES * _CODES)
        self._numbers = {b"": 0, _NONE: _ZEROS}
        self._next = 1
        while self._next < _ZEROS and (found := bytes(self._memory[self._place()])) != _NONE:
            self._numbers.setdefault(found, self._next)
            self._next += 1

    def _place(self) -> slice:
        return slice(self._next * _CODES, (self._next + 1) * _CODES)

    def number(self, table: bytes) -> int:
        """The number of such a table (see SideSpec.incoming), 0 for an empty one. @raises OSError where there is no
        room for it."""
        if table not in self._numbers:
            if self._next == _ZEROS:
                raise OSError(105, "no table of marks is left")
            self._memory[self._place()] = table
            self._numbers[table] = self._next
            self._next += 1
        return self._numbers[table]
