"""What a fork says is what a fresh interpreter says."""

import os
from pathlib import Path

import pytest

from tests.forking import Forks, run_fresh

TABLE = "size,colour,sold\n" + "".join(f"{n * n % 17},{'rgb'[n % 3]},{'ny'[n % 2]}\n" for n in range(30))


@pytest.mark.parametrize(
    ("arguments", "stdin", "exit_code"),
    [(("describe", "-", "-f", "json"), TABLE, 0), (("kb", "show", "nothing"), "", 2)],
    ids=["a result", "an error"],
)
def test_a_fork_says_what_a_fresh_interpreter_says(
    forks: Forks | None, one_shard_base: Path, tmp_path: Path, arguments: tuple[str, ...], stdin: str, exit_code: int
) -> None:
    if forks is None:
        pytest.skip("processes are not forked here")
    environment = {**os.environ, "AUTOMETA_DATABASE_URL": str(one_shard_base)}
    done = [run(arguments, tmp_path, stdin, environment) for run in (forks.run, run_fresh)]
    assert [each.returncode for each in done] == [exit_code] * 2
    assert done[0].stdout == done[1].stdout
    assert done[0].stderr == done[1].stderr
    assert bool(done[0].stdout) is (exit_code == 0)
