"""Fixtures of the tests that make networks: labs and scenes that are always removed, and logs shown when a test
fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.netns import gateway_scene as gateway_scenes
from tests.netns import h323_scene as h323_scenes
from tests.netns import scene as scenes
from tests.netns.gateway_scene import GatewayScene
from tests.netns.h323_scene import H323Scene
from tests.netns.lab import Lab
from tests.netns.scene import Scene
from tests.netns.softswitch import MODULES
from tests.netns.topology import Topology

S = TypeVar("S", Scene, H323Scene, GatewayScene)

PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "tcpdump": "tcpdump",
    "conntrack": "conntrack",
    "kamailio": "kamailio",
    "sipp": "sip-tester",
    "baresip": "baresip-core",
    "dnsmasq": "dnsmasq-base",
    "ethtool": "ethtool",
    "rtpengine": "rtpengine-daemon",
    "tshark": "tshark",
    "osmo-mgw": "osmo-mgw",
    "erl": "erlang-base",
    "freeradius": "freeradius",
    "chromium": "chromium",
    "wg": "wireguard-tools",
    "wireguard-go": "wireguard-go",
}
"""The Debian package of each program the lab runs."""
ERLANG = Path("/usr/lib/erlang/lib")
FILES = {"megaco-*/ebin/megaco.beam": "erlang-megaco", "megaco-*/include/megaco.hrl": "erlang-dev"}
"""The same of what Erlang has no program for."""

QUIET = {"benchmarks", "media_benchmark"}
"""Tests that load the machine as far as it goes: no other runs beside them."""

_LABS = pytest.StashKey[list[Lab]]()


def why_no_lab() -> str:
    """What keeps the lab from running here; empty if nothing does."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin"
    missing = sorted({package for program, package in PACKAGES.items() if shutil.which(program, path=path) is None})
    if not (Path(MODULES) / "tls.so").exists():
        missing.append("kamailio-tls-modules")
    missing += [package for file, package in FILES.items() if not any(ERLANG.glob(file))]
    return f"the lab needs the Debian packages {' '.join(missing)}" if missing else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever stands in this folder makes namespaces."""
    here = Path(__file__).parent
    mine = [item for item in items if here in item.path.parents]
    why = why_no_lab() if mine else ""
    for item in mine:
        item.add_marker(pytest.mark.netns)
        if item.path.stem.removeprefix("test_") in QUIET:
            item.add_marker(pytest.mark.quiet)
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """A failed test shows what the programs of its labs wrote."""
    report = yield
    if report.failed:
        for lab in item.stash.get(_LABS, []):
            report.sections.append((f"programs of lab {lab.id}", lab.logs()))
    return report


@pytest.fixture
def make_lab(request: pytest.FixtureRequest) -> Iterator[Callable[[Topology], Lab]]:
    """Makes labs, and removes them after the test."""
    with ExitStack() as stack:

        def make(topology: Topology) -> Lab:
            lab = stack.enter_context(Lab(topology))
            request.node.stash.setdefault(_LABS, []).append(lab)
            return lab

        yield make


@pytest.fixture
def make_scene(request: pytest.FixtureRequest) -> Iterator[Callable[..., Scene]]:
    """Makes scenes with an SBC (`tests.netns.scene.scene`); after the test the SBC is ended and its log judged."""
    with ExitStack() as stack:
        yield _maker(request, stack, scenes.scene)


@pytest.fixture
def make_bare_scene(request: pytest.FixtureRequest) -> Iterator[Callable[..., Scene]]:
    """Makes scenes without an SBC (`tests.netns.scene.bare_scene`)."""
    with ExitStack() as stack:
        yield _maker(request, stack, scenes.bare_scene)


@pytest.fixture
def make_h323_scene(request: pytest.FixtureRequest) -> Iterator[Callable[..., H323Scene]]:
    """Makes scenes with a gatekeeper and an SBC (`tests.netns.h323_scene.h323_scene`), judged as those of SIP are."""
    with ExitStack() as stack:
        yield _maker(request, stack, h323_scenes.h323_scene)


@pytest.fixture
def make_bare_h323_scene(request: pytest.FixtureRequest) -> Iterator[Callable[..., H323Scene]]:
    """Makes scenes with a gatekeeper and no SBC (`tests.netns.h323_scene.h323_bare_scene`)."""
    with ExitStack() as stack:
        yield _maker(request, stack, h323_scenes.h323_bare_scene)


@pytest.fixture
def make_gateway_scene(request: pytest.FixtureRequest) -> Iterator[Callable[..., GatewayScene]]:
    """Makes scenes with a call agent of MGCP or a controller of H.248, and the SBC, judged as those of SIP are."""
    with ExitStack() as stack:
        yield _maker(request, stack, gateway_scenes.gateway_scene)


@pytest.fixture
def make_bare_gateway_scene(request: pytest.FixtureRequest) -> Iterator[Callable[..., GatewayScene]]:
    """The same without an SBC."""
    with ExitStack() as stack:
        yield _maker(request, stack, gateway_scenes.bare_gateway_scene)


def _maker(
    request: pytest.FixtureRequest, stack: ExitStack, scene: Callable[..., AbstractContextManager[S]]
) -> Callable[..., S]:
    def make(*arguments: Any, **more: Any) -> S:
        stage = stack.enter_context(scene(*arguments, **more))
        request.node.stash.setdefault(_LABS, []).append(stage.lab)
        return stage

    return make
