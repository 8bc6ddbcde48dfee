"""Which media engine runs here, and why: the fastest that can, or the one that was asked for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import attrs
from twisted.logger import Logger

from sbc.config.faults import ConfigError, Fault
from sbc.config.values import EngineName, MediaConfig
from sbc.core.realm import Realm
from sbc.media import srtp
from sbc.media.interfaces import IMediaObserver
from sbc.media.twisted_engine import TwistedEngine

FASTEST_FIRST = (EngineName.KERNEL, EngineName.NATIVE, EngineName.TWISTED)
_log = Logger()
_MODULES = {EngineName.NATIVE: "sbc.media.native.engine", EngineName.KERNEL: "sbc.media.kernel.engine"}


@attrs.frozen
class Choice:
    """The engine that is taken, and why, in words."""

    engine: EngineName
    why: str


class CannotRun(OSError):
    """The engine that was asked for cannot run here; says why."""


def missing(engine: EngineName, config: MediaConfig = MediaConfig()) -> str:  # noqa: B008
    """Why an engine cannot run here as it is configured, in one sentence; empty where it can. What its modules in C
    lack is a reason."""
    if engine is EngineName.TWISTED:
        return ""
    place = (config.kernel.directory,) if engine is EngineName.KERNEL else ()
    try:
        why: str = import_module(_MODULES[engine]).missing(*place)
    except (ImportError, OSError) as error:  # OSError: a library that the module was linked with cannot be loaded
        return str(error)
    return why


def choose(config: MediaConfig, without: tuple[EngineName, ...] = ()) -> Choice:
    """The engine to take; of its own choice none of `without`. @raises CannotRun, for one that is asked for by name."""
    wanted = config.engine
    if wanted is not EngineName.AUTO:
        why = missing(wanted, config)
        if why:
            raise CannotRun(f'media.engine = "{wanted.value}" cannot run here: {why}')
        return Choice(wanted, "the configuration asks for it")
    reasons = []
    for engine in (each for each in FASTEST_FIRST if each not in without):
        why = missing(engine, config)
        if not why:
            break
        reasons.append(f"{engine.value}: {why}")
    return Choice(engine, "; ".join(reasons) or ("" if without else "the fastest there is"))


def look_at_engine(config: MediaConfig, source: str) -> None:
    """@raises ConfigError where the engine that is asked for by name cannot run here."""
    why = "" if config.engine is EngineName.AUTO else missing(config.engine, config)
    if why:
        raise ConfigError([Fault(source, "media.engine", f'"{config.engine.value}"', f"cannot run here: {why}")])


def unsecured(engine: EngineName) -> str:
    """Why an engine that can run here cannot secure media, in one sentence; empty where it can."""
    if engine is EngineName.TWISTED or (engine is EngineName.KERNEL and missing(EngineName.NATIVE)):
        return srtp.missing()
    why: str = import_module(_MODULES[EngineName.NATIVE]).unsecured()
    return why


def look_at_security(config: MediaConfig, realms: Iterable[Realm], source: str) -> None:
    """@raises ConfigError where a realm demands secured media that no engine can give here."""
    demand = [realm for realm in realms if realm.protection.demands]
    if not demand or not (why := unsecured(choose(config).engine)):
        return
    raise ConfigError(
        [
            Fault(
                source, f"realms.{realm.name}.media_security", f'"{realm.protection.mode.value}"', f"cannot be: {why}"
            )
            for realm in demand
        ]
    )


def take_engine(config: MediaConfig, reactor: Any, observer: IMediaObserver, silence: float) -> tuple[Choice, Any]:
    """The engine of a configuration, and why it is that one. @raises CannotRun, for one that is asked for by name."""
    choice = choose(config)
    try:
        return choice, make_engine(choice, config, reactor, observer, silence)
    except CannotRun as error:  # it could, but for another process that has what it needs
        if config.engine is not EngineName.AUTO:
            raise
        choice = choose(config, (choice.engine,))
        choice = attrs.evolve(choice, why="; ".join(filter(None, (str(error), choice.why))))
    return choice, make_engine(choice, config, reactor, observer, silence)


def make_engine(choice: Choice, config: MediaConfig, reactor: Any, observer: IMediaObserver, silence: float) -> Any:
    """The engine that was chosen. The kernel's stands upon the best of those in user space.

    @raises CannotRun where it cannot be had after all."""
    if choice.engine is not EngineName.KERNEL:
        _clear_kernel(config.kernel.directory)
        return _in_user_space(choice.engine, config, reactor, observer, silence)
    inner = EngineName.TWISTED if missing(EngineName.NATIVE) else EngineName.NATIVE
    kernel = config.kernel
    try:
        return import_module(_MODULES[EngineName.KERNEL]).KernelEngine(
            reactor,
            observer,
            lambda above: _in_user_space(inner, config, reactor, above, 0.0),
            silence,
            directory=kernel.directory,
            room=kernel.room,
            redirect_peer=kernel.redirect_peer,
            interfaces=kernel.interfaces,
        )
    except OSError as error:
        raise CannotRun(f"kernel: {error}") from error


def _in_user_space(engine: EngineName, config: MediaConfig, reactor: Any, observer: Any, silence: float) -> Any:
    if engine is EngineName.NATIVE:
        native = import_module(_MODULES[EngineName.NATIVE]).NativeEngine
        return native(reactor, observer, silence=silence, threads=config.threads, realtime=config.realtime)
    return TwistedEngine(reactor, observer, silence)


def _clear_kernel(directory: str) -> None:
    """Take off what a kernel engine of another process has left: it would look at each packet for ever. Where it cannot
    be, that is said: somebody who may must do it."""
    try:
        left = import_module(_MODULES[EngineName.KERNEL]).clear(directory)
    except (ImportError, OSError):  # without its modules in C there is nobody to ask
        return
    if left:
        _log.error(
            "a kernel engine has left its programs, and they cannot be taken off: they forward until their lease ends, "
            "and look at each packet after that, too (docs/install.rst has how to take them off): {left}",
            left=left,
        )
