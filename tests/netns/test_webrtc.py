"""A browser that is not ours, with JsSIP, calls a phone of the core through the SBC."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.netns import jssip
from tests.netns.browser import Browser
from tests.netns.sbc_process import sbc_config
from tests.netns.scene import Scene
from tests.netns.softswitch import DOMAIN, password
from tests.netns.topology import one_pair

MakeScene = Callable[..., Scene]
SBC = "203.0.113.1"


@pytest.fixture(scope="module")
def script() -> str:
    try:
        return jssip.script()
    except jssip.NoJsSip as why:
        pytest.skip(f"JsSIP cannot be had: {why}")


def config(authority: Authority) -> str:
    certificate, key = authority.sign("sbc", SBC)
    extra = f'[realms.access.tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    return sbc_config(access=("udp", "wss"), extra=extra)


def test_a_browser_registers(make_scene: MakeScene, tmp_path: Path, script: str) -> None:
    authority = Authority(tmp_path)
    stage = make_scene(one_pair(), toml=config(authority))
    who = {"ws": f"wss://{SBC}:8443/", "domain": DOMAIN, "user": "alice", "password": password("alice")}
    browser = Browser(stage.lab.host("phone-a"), script, {**who, "registers": True}, tmp_path / "sbc.crt")
    try:
        browser.wait("registered")
        (contact,) = stage.softswitch.contacts("alice")
        assert "@198.51.100.1:5060" in contact
        browser.screenshot(tmp_path / "page.png")
        assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
    finally:
        browser.close()
