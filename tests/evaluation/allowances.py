"""What the evaluations of the tests may use: more where coverage is measured, which traces every line of the child."""

import sys

MIB = 2**20


def _is_traced() -> bool:
    coverage = sys.modules.get("coverage")
    return coverage is not None and coverage.Coverage.current() is not None


SLOWNESS = 4.0 if _is_traced() else 1.0
CPU_SECONDS = 0.5 * SLOWNESS
MEMORY_BYTES = 200 * MIB
