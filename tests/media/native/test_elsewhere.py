"""What the `native` engine is told where somebody below it forwards; the rest tests/contract asks of all engines."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.contract.engines import Observer, RigReactor

pytest.importorskip("sbc.media.native._native", reason="the modules in C are not built")
from sbc.media.native.engine import NativeEngine


def test_of_a_stream_that_is_not_open_nobody_is_told() -> None:
    with closing(RigReactor()) as reactor:
        engine = NativeEngine(reactor, Observer())
        with pytest.raises(KeyError):
            engine.away("none", 0, True)
        with pytest.raises(KeyError):
            engine.lend("none", 0, None)
        with pytest.raises(KeyError):
            engine.carried("none", 0, False, 1, 2, 3)
        engine.stop()
