"""All tests, in two runs side by side, the second of them measured for coverage.

Owns: which folder belongs to which run. Must not know: any test. Invariant: a folder that nobody has named here is in
the second run, and the exit code is 0 only where both runs and the coverage were well.

    python -m tests.whole
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Final

# Mostly sessions that wait for servers and clients; the others are about as long together.
_FIRST: Final = tuple(f"tests/{folder}" for folder in ("adversity", "attacks", "catalog", "clients", "demo"))
_REST: Final = ("tests", *(f"--ignore={folder}" for folder in _FIRST))
_COVERAGE: Final = (sys.executable, "-m", "coverage")


def main() -> int:
    """Run all; the first run's report is printed when both are done. Returns the exit code."""
    with tempfile.TemporaryFile() as report:
        first = subprocess.Popen([sys.executable, "-m", "pytest", *_FIRST], stdout=report, stderr=subprocess.STDOUT)
        try:
            if (os.cpu_count() or 1) < 2:
                first.wait()
            codes = [subprocess.run([*_COVERAGE, "run", "-m", "pytest", *_REST], check=False).returncode]
            sys.stdout.write(f"\n… waiting for {', '.join(_FIRST)}\n")
            sys.stdout.flush()
            codes.append(first.wait())
        finally:
            first.terminate()
            first.wait()
            report.seek(0)
            sys.stdout.buffer.write(report.read())
            sys.stdout.flush()
    codes.append(subprocess.run([*_COVERAGE, "report"], check=False).returncode)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
