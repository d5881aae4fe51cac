"""The entry point: where results go, and what happens when they cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autometa.cli.main import main

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


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
@pytest.mark.parametrize("command", ["recommend {wine} -k 1", "kb list tasks -f json", "kb list tasks", "--help"])
def test_a_reader_that_wants_no_more_is_no_error(shipped_base: Path, examples: Path, command: str) -> None:
    words = command.format(wine=examples / "wine.csv").split()
    process = subprocess.Popen(
        [sys.executable, "-m", "autometa", *words],
        env={**os.environ, "AUTOMETA_DATABASE_URL": str(shipped_base)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate()
    assert (process.returncode, err) == (0, "")


def test_a_device_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    device = Path("/proc/self/mem")
    if not device.exists():
        pytest.skip("needs /proc")
    command = [sys.executable, "-m", "autometa", "describe", str(device)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("describe", "Missing argument 'DATA'; see: autometa describe --help"),
        ("describe a.csv --nope", "No such option: --nope; see: autometa describe --help"),
        ("describe a.csv b.csv", "unexpected extra argument"),
        ("describe a.csv --max-rows many", "Invalid value for '--max-rows': "),
        ("recommend a.csv -f xml", "'--format' / '-f': 'xml' is not one of 'table', 'json', 'yaml'; see: autometa rec"),
        ("kb nope", "No such command 'nope'; see: autometa kb --help"),
        ("nope", "No such command 'nope'; see: autometa --help"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_help(
    arguments: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["autometa", *arguments.split()])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    assert (caught.value.code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("recommend {wine} --max-fit-time 0", "--max-fit-time must be positive, got 0.0"),
        ("recommend {wine} --max-memory 0", "--max-memory must be positive, got 0"),
        ("recommend {wine} --probe 0", "--probe must be positive and finite, got 0.0"),
        ("recommend {wine} -k 0", "-k must be a whole number of at least 1, got 0"),
        ("fit {wine} --time -3", "--time must be 0 or more seconds, and finite, got -3.0"),
        ("fit {wine} --trials 0", "--trials must be at least 1, got 0"),
        ("fit {wine} --time 0 --trials 5", "a --time of 0 searches nothing; leave out --trials, or leave out --time"),
    ],
)
def test_an_option_is_called_as_on_the_command_line(
    arguments: str, message: str, examples: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["autometa", *arguments.format(wine=examples / "wine.csv").split()])
    with pytest.raises(SystemExit) as caught:
        main()
    assert (caught.value.code, capsys.readouterr().err) == (2, f"error: {message}\n")


@pytest.mark.parametrize(("arguments", "code"), [("--version", 0), ("describe -h", 0), ("", 2), ("kb", 2)])
def test_help_and_version_are_results(
    arguments: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["autometa", *arguments.split()])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    assert (caught.value.code or 0, err) == (code, "")
    assert "autometa" in out
