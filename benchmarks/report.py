"""What benchmarks print: what is being done, on what machine, and a table of what was found."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping
from pathlib import Path


def say(text: str) -> None:
    """Tell what is being done."""
    print(text, flush=True)


def machine() -> str:
    """What it ran on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}, Python {platform.python_version()}, load {load}"


def medians(figures: Mapping[str, Mapping[str, list[float]]]) -> dict[str, dict[str, float]]:
    """For each contender the median of each measure, of which it has one figure a round."""
    return {who: {name: statistics.median(values) for name, values in found.items()} for who, found in figures.items()}


def table(found: Mapping[str, Mapping[str, float]], rows: Mapping[str, str], base: str = "") -> str:
    """The figures of each contender, a column each, or with `base` what they are of that contender's. `rows` has the
    measures in order, and what each is called; those that nobody has are left out."""
    width = max(map(len, rows.values()), default=0) + 2
    column = max([10, *map(len, found)]) + 2
    lines = ["".ljust(width) + "".join(name.rjust(column) for name in found)]
    for measure, words in rows.items():
        unit = found.get(base, {}).get(measure) if base else 1.0
        cells = [_cell(each.get(measure), unit, base) for each in found.values()]
        if any(cell != "-" for cell in cells):
            lines.append(words.ljust(width) + "".join(cell.rjust(column) for cell in cells))
    return "\n".join(lines)


def _cell(value: float | None, unit: float | None, base: str) -> str:
    if value is None or not unit:
        return "-"
    return f"{value / unit:.2f}" if base else f"{value:,.{0 if abs(value) > 999 else 2}f}"
