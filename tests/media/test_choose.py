"""The choice of a media engine: the fastest that can run, with the reasons against the others; or the one asked for."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import attrs
import pytest
from twisted.internet.task import Clock

from sbc.config.faults import ConfigError
from sbc.config.values import EngineName, KernelConfig, MediaConfig
from sbc.core.secured import MediaSecurity, Protection
from sbc.media import choose as choosing
from sbc.media.choose import (
    CannotRun,
    Choice,
    choose,
    look_at_engine,
    look_at_security,
    make_engine,
    missing,
    take_engine,
    unsecured,
)
from sbc.media.twisted_engine import TwistedEngine
from tests.media.test_way import realm

NATIVE, KERNEL = "sbc.media.native.engine", "sbc.media.kernel.engine"


@attrs.define
class Made:
    """Stands in for an engine: what it was made with."""

    args: tuple[Any, ...]
    options: dict[str, Any]


class Fails(ModuleType):
    """A module whose library cannot be loaded."""

    @staticmethod
    def missing(directory: str) -> str:
        raise OSError("libbpf.so.1: cannot open shared object file")


def lay(monkeypatch: pytest.MonkeyPatch, **why: str | None) -> None:
    """Let native and kernel be missing for these reasons; None: nothing of them is installed."""
    for engine, (module, name) in {"native": (NATIVE, "NativeEngine"), "kernel": (KERNEL, "KernelEngine")}.items():
        if why[engine] is None:
            monkeypatch.setitem(sys.modules, module, None)  # an import raises ImportError
            continue
        stand_in: Any = ModuleType(module)
        stand_in.missing = lambda *place, why=why[engine]: why
        stand_in.clear = lambda place: None
        setattr(stand_in, name, lambda *args, **options: Made(args, options))
        monkeypatch.setitem(sys.modules, module, stand_in)


@pytest.mark.parametrize(
    ("native", "kernel", "engine", "why"),
    [
        ("", "", EngineName.KERNEL, "the fastest there is"),
        ("", "no CAP_BPF", EngineName.NATIVE, "kernel: no CAP_BPF"),
        ("no compiler", "no CAP_BPF", EngineName.TWISTED, "kernel: no CAP_BPF; native: no compiler"),
        ("no compiler", "", EngineName.KERNEL, "the fastest there is"),
    ],
)
def test_auto_takes_the_fastest_and_says_what_speaks_against_the_others(
    native: str, kernel: str, engine: EngineName, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(monkeypatch, native=native, kernel=kernel)
    assert choose(MediaConfig()) == Choice(engine, why)


def test_what_is_not_installed_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native=None, kernel=None)
    monkeypatch.setitem(sys.modules, KERNEL, Fails(KERNEL))
    choice = choose(MediaConfig())
    assert choice.engine is EngineName.TWISTED
    assert choice.why.startswith("kernel: libbpf.so.1: cannot open shared object file; native: ")
    assert NATIVE in choice.why


def test_one_that_is_asked_for_by_name_is_taken_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native="no compiler", kernel="")
    assert choose(MediaConfig(EngineName.TWISTED)) == Choice(EngineName.TWISTED, "the configuration asks for it")
    assert choose(MediaConfig(EngineName.KERNEL)).engine is EngineName.KERNEL
    with pytest.raises(CannotRun, match=r'^media\.engine = "native" cannot run here: no compiler$'):
        choose(MediaConfig(EngineName.NATIVE))


def test_a_configuration_that_asks_for_what_cannot_run_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native="no compiler", kernel="")
    with pytest.raises(ConfigError, match=r'x\.toml: media\.engine = "native": cannot run here: no compiler'):
        look_at_engine(MediaConfig(EngineName.NATIVE), "x.toml")
    look_at_engine(MediaConfig(EngineName.KERNEL), "x.toml")
    look_at_engine(MediaConfig(), "x.toml")


def test_where_the_kernel_s_programs_are_to_be_is_asked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native="", kernel="")
    monkeypatch.setattr(sys.modules[KERNEL], "missing", lambda place: f"cannot have {place}")
    config = MediaConfig(kernel=KernelConfig(directory="/sys/fs/bpf/second"))
    assert choose(config) == Choice(EngineName.NATIVE, "kernel: cannot have /sys/fs/bpf/second")


def test_twisted_always_can() -> None:
    assert missing(EngineName.TWISTED) == ""


def test_engines_are_made_with_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native="", kernel="")
    kernel = KernelConfig(("eth0", "eth1"), "/sys/fs/bpf/second", 1024)
    clock, observer, config = Clock(), object(), MediaConfig(threads=3, realtime=False, kernel=kernel)

    def made(engine: EngineName) -> Any:
        return make_engine(Choice(engine, ""), config, clock, observer, 7.0)  # type: ignore[arg-type]

    assert isinstance(made(EngineName.TWISTED), TwistedEngine)
    native = Made((clock, observer), {"silence": 7.0, "threads": 3, "realtime": False})
    assert made(EngineName.NATIVE) == native
    below = object()
    above = made(EngineName.KERNEL)
    args = above.args
    assert (args[:2], args[3]) == ((clock, observer), 7.0)
    assert above.options == attrs.asdict(kernel)
    assert args[2](below) == Made(
        (clock, below), {"silence": 0.0, "threads": 3, "realtime": False}
    )  # whose observer the kernel's is
    lay(monkeypatch, native="no compiler", kernel="")
    assert isinstance(made(EngineName.KERNEL).args[2](below), TwistedEngine)


def test_where_another_process_has_the_kernel_s_place_the_next_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native="", kernel="")

    def taken(*args: Any, **options: Any) -> None:
        raise OSError("another SBC uses it")

    monkeypatch.setattr(sys.modules[KERNEL], "KernelEngine", taken)
    choice, engine = take_engine(MediaConfig(), Clock(), object(), 7.0)  # type: ignore[arg-type]
    assert choice == Choice(EngineName.NATIVE, "kernel: another SBC uses it")
    assert engine.options["silence"] == 7.0
    with pytest.raises(CannotRun, match="another SBC"):
        take_engine(MediaConfig(EngineName.KERNEL), Clock(), object(), 7.0)  # type: ignore[arg-type]


def test_an_engine_in_user_space_takes_off_what_the_kernel_s_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native="", kernel="")
    cleared: list[str] = []
    monkeypatch.setattr(sys.modules[KERNEL], "clear", cleared.append)
    config = MediaConfig(kernel=KernelConfig(directory="/sys/fs/bpf/second"))
    make_engine(Choice(EngineName.TWISTED, ""), config, Clock(), object(), 7.0)  # type: ignore[arg-type]
    assert cleared == ["/sys/fs/bpf/second"], "what is elsewhere may be another SBC's"


def test_what_cannot_be_taken_off_is_said_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native="", kernel="no capabilities")
    monkeypatch.setattr(sys.modules[KERNEL], "clear", lambda place: "eth0: no capabilities")
    said: list[str] = []
    monkeypatch.setattr(choosing._log, "error", lambda text, **values: said.append(text.format(**values)))
    take_engine(MediaConfig(), Clock(), object(), 7.0)  # type: ignore[arg-type]
    assert len(said) == 1
    assert said[0].endswith("eth0: no capabilities")


def test_realms_that_demand_what_no_engine_can_are_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    lay(monkeypatch, native="", kernel="")
    native = sys.modules[NATIVE]
    monkeypatch.setattr(native, "unsecured", lambda: "no libsrtp2", raising=False)
    plain, secured = (
        attrs.evolve(realm("192.0.2.1"), name=mode.value, protection=Protection(mode))
        for mode in (MediaSecurity.NONE, MediaSecurity.SDES)
    )
    with pytest.raises(ConfigError, match=r'x\.toml: realms\.sdes\.media_security = "sdes": cannot be: no libsrtp2'):
        look_at_security(MediaConfig(), [plain, secured], "x.toml")
    look_at_security(MediaConfig(), [plain], "x.toml")
    look_at_security(MediaConfig(EngineName.TWISTED), [secured], "x.toml")
    monkeypatch.setattr(native, "unsecured", str)
    look_at_security(MediaConfig(), [secured], "x.toml")
    assert unsecured(EngineName.KERNEL) == ""
