"""Start-up of the command line against its floor: wall time of `unreason --help` and `unreason list`, as ratios to
`python -c 'import typer'`, in turn within one run; lm-eval's `--help` beside them where it is installed.

    python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

TARGET = 2.5  # times the floor


def wall_seconds(command: list[str]) -> float:
    """Wall time of one process from start to exit; its output is thrown away."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Prints a table: command, median seconds, ratio to the floor."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    scripts = Path(sys.executable).parent
    commands = {
        "python -c 'import typer'": [sys.executable, "-c", "import typer"],
        "unreason --help": [str(scripts / "unreason"), "--help"],
        "unreason list": [str(scripts / "unreason"), "list"],
    }
    peer = shutil.which("lm-eval", path=str(scripts))
    if peer:
        commands["lm-eval --help"] = [peer, "--help"]
    for command in commands.values():
        wall_seconds(command)  # fills the byte code and disk caches
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            seconds[name].append(wall_seconds(command))
    floor = seconds["python -c 'import typer'"]
    print(f"{runs} runs in turn; ratios are medians of the pairs (target {TARGET})")
    for name, times in seconds.items():
        ratio = statistics.median(one / base for one, base in zip(times, floor, strict=True))
        print(f"{name:28} {statistics.median(times):7.3f} s   {ratio:6.2f} x")


if __name__ == "__main__":
    main()
