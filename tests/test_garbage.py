from __future__ import annotations

import gc

from sbc.garbage import THRESHOLDS, GarbageService


def test_what_is_loaded_is_passed_over_while_it_runs() -> None:
    before = gc.get_threshold()
    service = GarbageService()
    service.startService()
    try:
        assert gc.get_freeze_count() > 1000
        assert gc.get_threshold() == THRESHOLDS
    finally:
        service.stopService()
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before
