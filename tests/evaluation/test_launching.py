"""How the processes of an evaluation are started."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import subprocess, sys
from pathlib import Path
from autometa.evaluation.launching import launch
folder = Path(sys.argv[1])
(folder / "waiting.py").write_text("input()")
sys.path.insert(0, str(folder))
process = launch("waiting", folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
print(Path(f"/proc/{process.pid}/autogroup").read_text())
process.communicate(b"done")
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel has no scheduling by session")
def test_an_evaluation_yields_as_the_process_that_asked_for_it(tmp_path: Path) -> None:
    command = ["nice", "-n", "7", sys.executable, "-c", SCRIPT, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.split()[-2:] == ["nice", "7"]
