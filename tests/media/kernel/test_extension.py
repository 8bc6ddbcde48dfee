"""A module that was built with another version of the package is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sbc.media.kernel import extension, here


@pytest.mark.parametrize(
    "lib", [SimpleNamespace(), SimpleNamespace(RELAY_LAYOUT=extension.LAYOUT - 1)], ids=["older", "one before"]
)
def test_a_module_of_another_version_does_not_run_here(monkeypatch: pytest.MonkeyPatch, lib: Any) -> None:
    monkeypatch.setattr(extension, "import_module", lambda name: SimpleNamespace(lib=lib))
    with pytest.raises(ImportError, match="another version of sbc"):
        extension.loader()
    assert "built with another version of sbc" in here.missing("/nowhere")


def test_one_of_this_version_does() -> None:
    pytest.importorskip("sbc.media.kernel._loader", reason="the kernel engine was not built")
    assert extension.loader().lib.RELAY_LAYOUT == extension.LAYOUT
