"""A plane in a network of its own: two interfaces of ours, with a neighbour at each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.media.kernel.apart import Apart, why_not
from tests.media.kernel.bench import Bench


@pytest.fixture(scope="session")
def kernel_here() -> None:
    why = why_not()
    if why:
        pytest.skip(why)
    pytest.importorskip("sbc.media.kernel._loader", reason="the kernel engine was not built")


@pytest.fixture(scope="module")
def the_bench(kernel_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Apart() as apart:
        made = Bench(apart, tmp_path_factory.mktemp("bpf"))
        yield made
        made.close()


@pytest.fixture
def bench(the_bench: Bench) -> Iterator[Bench]:
    yield the_bench
    the_bench.shut_all()
