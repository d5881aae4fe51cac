"""What cannot be read is refused by every command alike: exit 2, one line with the next step, nothing written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autometa.cli.main import main
from tests.conftest import uncovered_environment
from tests.reading.test_mutations import MUTATIONS, SOURCES

ROWS = "1,2,u\n3,4,v\n5,6,u\n7,8,v\n"
TEXTS = {
    "empty": ("", (), "'a.csv' is empty; give a table"),
    "header only": ("a,b,y\n", (), "has a header of 3 columns but no rows; give a table with rows"),
    "one column": ("a\n1\n2\n", (), "has one column, 'a'; fields are to be separated"),
    "no such target": (f"size,b,y\n{ROWS}", ("-t", "siez"), "there is no column 'siez'; did you mean 'size'?"),
    "a name twice": (f"a,a,y\n{ROWS}", (), "repeats 'a'; rename columns"),
    "ragged": (f"a,b,y\n{ROWS}9,u\n", (), "line 6 has 2 fields, the header 3; mend it"),
    "constant target": ("a,y\n1,u\n2,u\n", (), "the target 'y' is constant ('u'); name a column that varies"),
    "no target": ("a,y\n1,\n2,NA\n", (), "all values of the target 'y' are missing; name another column"),
    "one row a class": (
        "a,y\n1,u\n2,u\n3,v\n",
        (),
        "two classes with 2 rows or more are needed, and the target 'y' has 1 such of 2",
    ),
    "unique target": ("a,y\n1,u\n2,v\n3,w\n", (), "another value in each of its 3 rows, as an identifier has; name"),
    "nothing left": (f"a,b,y\n{ROWS}", ("--ignore-columns", "a,b"), "no column is left beside the target 'y'; ignore"),
    "no such category": (f"a,b,y\n{ROWS}", ("--categorical", "c"), "there is no column 'c'; the columns are"),
    "no such class": (f"a,b,y\n{ROWS}", ("--positive-class", "w"), "has no class 'w'; its classes are 'u', 'v'"),
    "no such kind": (f"a,b,y\n{ROWS}", ("--task", "cluster"), "'cluster' is no kind of task; choose from binary"),
    "no sample": (f"a,b,y\n{ROWS}", ("--max-rows", "3"), "ask for 4 rows or more"),
}

Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Return a function that runs `autometa` in an empty home and gives the one line with which it refuses."""
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("AUTOMETA_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        monkeypatch.setattr(sys, "argv", ["autometa", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        assert (caught.value.code, out) == (2, "")
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before  # nothing written
        return err

    return run


@pytest.mark.parametrize("command", ["describe", "recommend"])
@pytest.mark.parametrize("case", TEXTS)
def test_a_table_that_cannot_be_used_is_refused(case: str, command: str, refused: Refused, tmp_path: Path) -> None:
    text, arguments, message = TEXTS[case]
    (tmp_path / "a.csv").write_text(text)
    assert message in refused(command, "a.csv", *arguments)


@pytest.mark.parametrize("command", ["describe", "recommend"])
def test_a_path_that_leads_to_no_table_is_refused(command: str, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text(f"a,b,y\n{ROWS}")
    (tmp_path / "junk.csv").write_bytes(bytes(range(256)) * 20)
    assert "no such file: 'house.csv'; did you mean 'houses.csv'?" in refused(command, "house.csv")
    assert "is a directory; give a file in it" in refused(command, str(tmp_path))
    assert "'junk.csv' is binary, not text" in refused(command, "junk.csv")
    assert "cannot open '" in refused(command, "a" * 5000)


@pytest.mark.parametrize("ending", ["csv", "parquet", "arff", "jsonl"])
def test_more_than_100_000_columns_are_refused(ending: str, refused: Refused, tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(100_001)]
    path = tmp_path / f"wide.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table({name: pa.array([], type=pa.int8()) for name in names}), path)
    else:
        texts = {
            "csv": ",".join(names) + "\n1\n",
            "arff": "@relation r\n" + "".join(f"@attribute {name} real\n" for name in names) + "@data\n",
            "jsonl": '{"a": 1}\n{' + ", ".join(f'"{name}": 1' for name in names) + "}\n",  # in a later line
        }
        path.write_text(texts[ending])
    assert "columns, more than 100,000; select some of them" in refused("describe", path.name)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_a_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"a,b,y\n{ROWS}")
    (tmp_path / "a.csv").chmod(0)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)  # it is the file that is locked
    script = (  # only root may become someone else; anyone else has no rights to take away
        "import contextlib, io, os, sys\n"
        "from autometa.cli.main import main\n"
        f"sys.argv = ['autometa', 'recommend', {str(tmp_path / 'missing.csv')!r}]\n"
        "with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main()  # imports what someone else may not be allowed to read\n"
        "if os.geteuid() == 0:\n"
        "    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"sys.argv = ['autometa', 'recommend', {str(tmp_path / 'a.csv')!r}]\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=uncovered_environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: no permission to read '/")
    assert done.stderr.endswith("; change its mode or owner\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("ending", sorted(SOURCES))
def test_damaged_copies_end_with_0_or_2(
    ending: str,
    shipped_base: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not all(source.is_file() for source in SOURCES[ending]):
        if os.environ.get("CI"):
            pytest.fail("CI must have the files of ../shared")
        pytest.skip("needs the files of ../shared, which do not come with the repository")
    path = tmp_path / f"damaged.{ending}"
    monkeypatch.setattr(sys, "argv", ["autometa", "describe", str(path), "--db", str(shipped_base), "-f", "json"])
    for number in range(2 * len(MUTATIONS)):  # three hundred are read in tests/reading/test_mutations.py
        rng = np.random.default_rng([number, len(ending)])
        content = SOURCES[ending][rng.integers(len(SOURCES[ending]))].read_bytes()
        path.write_bytes(MUTATIONS[number % len(MUTATIONS)](content, rng))
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        assert (caught.value.code or 0, bool(out), err.count("\n")) in ((0, True, 0), (2, False, 1))
