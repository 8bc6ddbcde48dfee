"""Tables of what becomes of marks: each is there once, and for the next process, too."""

from __future__ import annotations

from typing import Any

import pytest

from sbc.media.kernel.tables import Tables


class Module:
    """A loader whose relay is a piece of memory."""

    def __init__(self) -> None:
        self.ffi = self.lib = self

    def relay_marks(self, relay: Any) -> Any:
        return relay

    def buffer(self, memory: Any, size: int) -> Any:
        assert len(memory) == size
        return memory


def test_a_table_has_one_number_and_keeps_it_over_a_restart() -> None:
    memory = bytearray(256 * 64)
    tables = Tables(Module(), memory)
    keep, other = bytes(range(64)), bytes([255] * 64)
    assert [tables.number(table) for table in (b"", keep, other, keep, bytes(64))] == [0, 1, 2, 1, 255]
    assert bytes(memory[64:192]) == keep + other
    again = Tables(Module(), memory)
    assert [again.number(table) for table in (other, bytes(range(64, 128)), keep)] == [2, 3, 1]


def test_there_is_room_for_so_many() -> None:
    tables = Tables(Module(), bytearray(256 * 64))
    assert [tables.number(bytes([n + 1] * 64)) for n in range(254)] == list(range(1, 255))
    with pytest.raises(OSError, match="no table"):
        tables.number(bytes(range(64)))
    assert tables.number(bytes([1] * 64)) == 1
