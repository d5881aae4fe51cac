"""The entry point: where results go, and what happens when they cannot."""

import subprocess
import sys
from pathlib import Path

import pytest

STATUS = [sys.executable, "-m", "autometa", "kb", "status", "-f", "json", "--db"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_stdout_is_one_line_and_exit_2(shipped_base: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [*STATUS, str(shipped_base)], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 2
    assert result.stderr == "error: cannot write the result: No space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors in a shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_error(shipped_base: Path, closed: str) -> None:
    command = f"exec '{sys.executable}' -m autometa kb status -f json --db '{shipped_base}' {closed}"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_device_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    device = Path("/proc/self/mem")
    if not device.exists():
        pytest.skip("needs /proc")
    command = [sys.executable, "-m", "autometa", "describe", str(device)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
