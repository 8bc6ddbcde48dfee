"""The `twistd sbc` command: its options, and the service they ask for."""

from __future__ import annotations

from os.path import lexists

from twisted.application.service import IService
from twisted.python import usage

from sbc.admin.log import install
from sbc.compiled import version
from sbc.config.faults import ConfigError
from sbc.config.load import load_file
from sbc.config.values import Config
from sbc.ledger.service import look_at, look_at_files
from sbc.media.choose import look_at_engine, look_at_security

DEFAULT_CONFIG = "/etc/sbc/sbc.toml"


class Options(usage.Options):
    """What can be said after `twistd sbc`. Everything else is in the configuration file."""

    synopsis = "[--config FILE]"
    longdesc = (
        "Runs the session border controller that the configuration file describes: the networks it is attached to "
        "(realms), what it listens on, where media goes, and which network is joined to which (paths). Options of "
        "twistd itself, such as --nodaemon (-n), stand before the word sbc: twistd -n sbc --config /etc/sbc/sbc.toml. "
        "`sbc check FILE` says what is wrong with a configuration without running it."
    )
    optParameters = [["config", "c", DEFAULT_CONFIG, "The configuration file, TOML."]]  # noqa: RUF012 - Twisted's way

    loaded: Config | None = None

    def postOptions(self) -> None:
        """Load the configuration, try the files it names, and let the log be as it says.

        Here and not later, because here twistd shows an error as one, without a traceback. Raises UsageError with all
        faults, one a line.
        """
        self.loaded = _load(self["config"])
        _prepare(self.loaded, self.parent)

    def opt_version(self) -> None:
        """Show the version of sbc and exit."""
        print(f"sbc {version()}")  # noqa: T201 - asked for
        raise SystemExit(0)


def makeService(options: Options) -> IService:
    """The service that runs the configuration `options` names. Raises UsageError with all faults, one a line."""
    from sbc.service import make_service

    return make_service(options.loaded or _load(options["config"]), alone=True)


def _load(path: str) -> Config:
    try:
        return load_file(path)
    except ConfigError as error:
        raise _unusable(error) from error


def _prepare(config: Config, twistd: usage.Options | None) -> None:
    """`twistd` are the options before the word sbc, where there are any."""
    try:
        if config.console is not None:
            from sbc.admin.access import read_access  # SSH takes its time to import

            read_access(config.console, config.source)
        look_at_engine(config.media, config.source)
        look_at_security(config.media, config.plan.realms.values(), config.source)
        if config.audit is not None:
            from sbc.admin.auditlog import audit_file

            file = audit_file(config.audit.file, config.source)
            if file is not None:
                file.close()
        if config.control is not None:
            from sbc.admin.control import look_at_place

            look_at_place(config.control, config.source)
        look_at_files(config.cdr, config.accounting, config.source)
        if config.store is not None:
            look_at({"store.sqlite": config.store.sqlite}, config.source)
            if config.store.key_file and lexists(config.store.key_file):
                from sbc.store.sealed import take_key

                take_key(config.store.key_file, config.source)
        if twistd is not None:
            install(twistd, config.log, config.source)
    except ConfigError as error:
        raise _unusable(error) from error


def _unusable(error: ConfigError) -> usage.UsageError:
    return usage.UsageError(f"the configuration cannot be used:\n{error}")
