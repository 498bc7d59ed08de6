"""How long a newcomer waits: `pytest behaviours/ -n 4` with an empty cache, and again with a full one.

python benchmarks/first_run.py [--folder DIR]   # prints seconds: cold, and the median of three warm runs
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from demeanour.evaluation.devices import cores

ROOT = Path(__file__).parents[1]
COLD, WARM = 300, 15   # seconds on two cores that are to be kept


def main() -> int:
    """Run the suite once cold and three times warm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the cache lies meanwhile (1 GB)")
    with tempfile.TemporaryDirectory(prefix="first-run-", dir=parser.parse_args().folder) as folder:
        cold, output = _run(Path(folder))
        warm = [_run(Path(folder)) for _ in range(3)]
    print(*re.findall(r"evaluated: .*|as expected .*|.*\(exit \d+\).*", output), sep="\n")
    typical = statistics.median(seconds for seconds, _ in warm)
    print(f"{cores()} cores: cold {cold:.0f} s (wanted: {COLD}), warm {typical:.1f} s (wanted: {WARM})")
    return 0 if cold <= COLD and typical <= WARM else 1


def _run(folder: Path) -> tuple[float, str]:
    command = [sys.executable, "-m", "pytest", "behaviours/", "-n", "4", "--reports", str(folder / "reports")]
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "DEMEANOUR_CACHE": str(folder / "cache")}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.monotonic() - begun, done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())
