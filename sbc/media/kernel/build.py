"""How the kernel engine is built: the program by clang for the kernel, the loader around it as the module `_loader`."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from runpy import run_path
from typing import Any

MODULE = "sbc.media.kernel._loader"
FOLDER = "sbc/media/kernel"
SHARED = ("sbc/media/native/bucket.h", "sbc/media/native/meter.h")
"""Headers that all planes have."""
SOURCES = tuple(
    f"{FOLDER}/{name}" for name in ("loader.c", "barrier.c", "attach.c", "look.c", "interfaces.c", "bpffs.c")
)
OPTIONS = ("-std=c11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-missing-field-initializers")
PROGRAM_OPTIONS = ("-std=gnu11", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Wextra")
_TYPES = "".join(
    f"typedef unsigned {name} __u{bits};\n"
    for bits, name in ((8, "char"), (16, "short"), (32, "int"), (64, "long long"))
)
_COMPILERS = ("clang", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14")
_HEADERS = "/usr/include/bpf/bpf_helpers.h"


def lacks() -> str:
    """What the engine cannot be built without and is not here; empty if all is."""
    if _compiler() is None:
        return "clang (Debian: clang) was not there when the package was built"
    if not Path(_HEADERS).exists():
        return "libbpf's headers (Debian: libbpf-dev) were not there when the package was built"
    return ""


def builder() -> Any:
    """The cffi builder. The module is optional: without clang or libbpf, or with a clang that fails, the package is
    installed all the same, and the engine says what it lacks."""
    root = Path(__file__).resolve().parents[3]
    program, why = _program(root)
    ffi = import_module("cffi").FFI()
    declarations = run_path(str(root / "sbc/media/native/build.py"))["declarations"]  # nothing of ours is installed yet
    headers = [(root / name).read_text() for name in (*SHARED, f"{FOLDER}/relay_maps.h", f"{FOLDER}/loader.h")]
    seen = "".join(map(declarations, headers))
    ffi.cdef(_TYPES + re.sub(r"^static inline .*?;\n", "", seen, flags=re.DOTALL | re.MULTILINE))
    ffi.set_source(
        MODULE,
        f'#error "{why}"\n' if why else '#include "loader.h"\n' + _as_c(program),
        sources=list(SOURCES),
        depends=[*sorted(path.relative_to(root).as_posix() for path in (root / FOLDER).glob("*.[ch]")), *SHARED],
        include_dirs=[FOLDER],
        libraries=["bpf"],
        extra_compile_args=[*OPTIONS, *_strict()],
        optional=True,
    )
    return ffi


def compiled(root: Path) -> bytes:
    """The kernel's program as an ELF object. @raises subprocess.CalledProcessError where clang refuses it; @raises
    OSError where clang cannot be run."""
    include = f"/usr/include/{platform.machine()}-linux-gnu"  # Debian's place for asm/types.h
    command = [_compiler() or "clang", *PROGRAM_OPTIONS, *_strict(), "-I", include, "-c", "relay.bpf.c", "-o", "-"]
    return subprocess.run(command, cwd=root / FOLDER, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout


def _program(root: Path) -> tuple[bytes, str]:
    """The kernel's program; or nothing, and why there is none, as words that C may have between quotes."""
    if why := lacks():
        return b"", why
    try:
        return compiled(root), ""
    except subprocess.CalledProcessError as refused:
        said = refused.stderr.decode(errors="replace")
    except OSError as error:
        said = str(error)
    sys.stderr.write(said)  # for who installs
    first = next((line for line in said.splitlines() if "error" in line), said.partition("\n")[0])
    return b"", "clang does not build the kernel's program: " + re.sub(r"[^ -~]|[\"\\\\]", "'", first)


def _strict() -> tuple[str, ...]:
    """In our own builds (bin/setup) a warning is an error; who installs may have a compiler that warns of more."""
    return ("-Werror",) if os.environ.get("SBC_STRICT") else ()


def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, _COMPILERS)), None)


def _as_c(program: bytes) -> str:
    """The program as the constants that the loader expects."""
    rows = (program[at : at + 64] for at in range(0, len(program), 64))
    body = ",\n".join(",".join(map(str, row)) for row in rows)
    return (
        "__attribute__((aligned(8))) const unsigned char relay_object[] = {\n"
        f"{body}\n}};\nconst size_t relay_object_size = sizeof(relay_object);\n"
    )
