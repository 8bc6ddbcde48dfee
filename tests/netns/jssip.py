"""JsSIP as a page loads it: fetched by npm when it is first needed, and made one script of. Nothing of it is ours."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

VERSION = "3.13.8"
"""MIT; what it needs is fetched with it."""
_REQUIRED = re.compile(r"""require\(\s*['"]([^'"]+)['"]\s*\)""")
_LOADER = """(() => {{
const made = {{}}, modules = {{{modules}}};
const load = (path) => {{
  if (!(path in made)) {{
    const module = made[path] = {{exports: {{}}}};
    modules[path][0](module, module.exports, (name) => load(modules[path][1][name]));
  }}
  return made[path].exports;
}};
window.JsSIP = load({first});
}})();
"""


class NoJsSip(Exception):
    """It cannot be had here; the text says why."""


def script() -> str:
    """All of it, as one script that sets ``JsSIP``. @raises NoJsSip."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sbc-tests" / f"jssip-{VERSION}"
    library = folder / "node_modules" / "jssip"
    if not library.exists():
        _fetch(folder)
    return _bundle(library / "lib" / "JsSIP.js")


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NoJsSip("there is no npm")
    folder.mkdir(parents=True, exist_ok=True)
    argv = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), f"jssip@{VERSION}"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise NoJsSip("npm's registry does not answer") from None
    if done.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        raise NoJsSip(f"npm could not fetch jssip@{VERSION}: {done.stderr.strip()[-300:]}")


def _bundle(first: Path) -> str:
    """`first` and all that it requires, each in a function of its own."""
    found: dict[Path, str] = {}
    waiting = [first]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        text = path.read_text()
        if path.suffix == ".json":
            found[path] = f"[(module) => {{ module.exports = {text} }}, {{}}]"
            continue
        needed = {name: _resolved(path, name) for name in _REQUIRED.findall(text)}
        waiting += needed.values()
        names = json.dumps({name: str(at) for name, at in needed.items()})
        found[path] = f"[(module, exports, require) => {{ {text}\n }}, {names}]"
    modules = ",\n".join(f"{json.dumps(str(path))}: {body}" for path, body in found.items())
    return _LOADER.format(modules=modules, first=json.dumps(str(first)))


def _resolved(path: Path, name: str) -> Path:
    """The file that `path` means by `name`, as browsers are given it."""
    if name.startswith("."):
        return _file(path.parent / name)
    package = next(up / "node_modules" / name for up in path.parents if (up / "node_modules" / name).is_dir())
    said = json.loads((package / "package.json").read_text())
    browser = said.get("browser")
    return _file(package / (browser if isinstance(browser, str) else said.get("main", "index.js")))


def _file(path: Path) -> Path:
    for each in (path, Path(f"{path}.js"), Path(f"{path}.json"), path / "index.js"):
        if each.is_file():
            return each.resolve()
    raise FileNotFoundError(path)
