"""The `twistd sbc` command: options, help, and that a wrong configuration is a usage error with every fault in it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from twisted.application.service import IService, IServiceMaker, Service
from twisted.plugin import getPlugins
from twisted.python.usage import UsageError

from sbc import __version__, tap
from sbc.config.values import Config

EXAMPLE = Path(__file__).parent.parent / "etc" / "sbc.toml"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Stands in for sbc.service, and collects what it was asked to run."""
    configs: list[Config] = []

    def make_service(config: Config, alone: bool = False) -> IService:
        assert alone  # the process is ours
        configs.append(config)
        return Service()

    stand_in = ModuleType("sbc.service")
    stand_in.make_service = make_service  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sbc.service", stand_in)
    return configs


@pytest.mark.parametrize("option", ["--config", "-c"])
def test_the_service_is_made_of_the_configuration_named(option: str, made: list[Config]) -> None:
    options = tap.Options()
    options.parseOptions([option, str(EXAMPLE)])
    assert IService.providedBy(tap.makeService(options))
    assert [config.source for config in made] == [str(EXAMPLE)]


def test_options_filled_by_hand_will_do(made: list[Config]) -> None:
    options = tap.Options()
    options["config"] = str(EXAMPLE)
    tap.makeService(options)
    assert len(made) == 1


def test_the_default_is_in_etc() -> None:
    assert tap.Options()["config"] == "/etc/sbc/sbc.toml"


def test_every_fault_is_in_the_usage_error(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[log]\nlevel = 1\nfromat = 2\n")
    with pytest.raises(UsageError) as caught:
        tap.Options().parseOptions(["-c", str(file)])
    lines = str(caught.value).splitlines()
    assert lines[0] == "the configuration cannot be used:"
    assert {line.split(": ")[1].split(" = ")[0] for line in lines[1:]} == {"realms", "paths", "log.level", "log.fromat"}


def test_makeservice_raises_the_same(tmp_path: Path, made: list[Config]) -> None:
    options = tap.Options()
    options["config"] = str(tmp_path / "none")
    with pytest.raises(UsageError, match="No such file"):
        tap.makeService(options)
    assert not made


def test_the_help_says_what_it_does_and_how() -> None:
    text = str(tap.Options())
    for part in ("--config", "/etc/sbc/sbc.toml", "session border controller", "sbc check"):
        assert part in text


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        tap.Options().parseOptions(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"sbc {__version__}\n"


def test_twisted_finds_the_plugin() -> None:
    (plugin,) = {(each.tapname, each.module) for each in getPlugins(IServiceMaker) if each.tapname == "sbc"}
    assert plugin == ("sbc", "sbc.tap")
