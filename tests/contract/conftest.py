"""Gives each contract test a rig for each engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import cycle

import pytest

from tests.contract.engines import ENGINES, Rig, RigReactor

_ports = cycle(range(10_000, 32_000, 2))


@pytest.fixture(scope="session")
def rig_reactor() -> Iterator[RigReactor]:
    with closing(RigReactor()) as reactor:
        yield reactor


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def options() -> dict[str, float | int]:
    """What the engine is made with; a test may parametrise it."""
    return {}


@pytest.fixture
def rig(engine_name: str, rig_reactor: RigReactor, options: dict[str, float | int]) -> Iterator[Rig]:
    if why := ENGINES[engine_name].missing():
        pytest.skip(why)
    rig = Rig(rig_reactor, ENGINES[engine_name], _ports, **options)
    yield rig
    rig.close()
