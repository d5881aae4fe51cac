"""`autometa kb ...`, run as a user runs it."""

import json
import shlex
import shutil
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from autometa.cli.output import shard_progress
from tests.conftest import Command

STATUS = {"tasks", "configurations", "evaluations", "coverage", "filled", "differing_repeats", "withdrawn"}
STATUS |= {"embedded", "revision", "schema"}
COUNTS = {"total", "ok", "failed", "timed_out", "out_of_memory"}


def test_the_status_has_the_documented_shape(autometa: Command) -> None:
    content = json.loads(autometa("kb", "status", "-f", "json").stdout)
    assert set(content) == STATUS
    assert set(content["tasks"]) == {"total", "binary", "multiclass", "regression"}
    assert set(content["evaluations"]) == COUNTS
    for counts in (content["tasks"], content["configurations"], content["evaluations"]):
        assert counts["total"] == sum(count for name, count in counts.items() if name != "total")
    assert 0 < content["coverage"] <= 1
    kinds = ["binary", "multiclass", "regression"]
    filled = content["filled"]
    assert [(each["protocol"], each["kind"]) for each in filled] == [
        (protocol, kind) for protocol in ("cv-v1", "holdout-v1") for kind in kinds
    ]
    for each in filled:
        assert set(each) == {"kind", "protocol", "tasks", "configurations", "share", "full_tasks"}
        assert each["share"] >= 0.97 * each["full_tasks"] / each["tasks"]
    usual = filled[:3]
    for each in usual:
        assert each["tasks"] == content["tasks"][each["kind"]]
        assert each["configurations"] >= 80
        assert 0.75 < each["share"] <= 1
    cells = {each["kind"]: each["tasks"] * each["configurations"] for each in usual}
    assert sum(each["full_tasks"] for each in usual) >= 400
    assert sum(each["share"] * cells[each["kind"]] for each in usual) > 0.9 * sum(cells.values())
    assert sum(each["tasks"] for each in filled[3:]) == 180


def test_the_shipped_base_is_a_first_real_one(autometa: Command) -> None:
    content = json.loads(autometa("kb", "status", "-f", "json").stdout)
    assert content["tasks"]["binary"] + content["tasks"]["multiclass"] >= 20
    assert content["tasks"]["regression"] >= 10
    assert content["evaluations"]["total"] >= 20 * content["tasks"]["total"]


def test_create_refuses_to_write_over_a_base(autometa: Command, tmp_path: Path) -> None:
    assert autometa("kb", "create", "--empty", "--db", "own.db").returncode == 0
    before = (tmp_path / "own.db").read_bytes()
    again = autometa("kb", "create", "--db", "own.db")
    assert (again.returncode, again.stdout) == (2, "")
    assert "exists already" in again.stderr
    assert (tmp_path / "own.db").read_bytes() == before


def test_create_and_upgrade_heed_the_variable(autometa: Command, tmp_path: Path) -> None:
    named = {"AUTOMETA_DATABASE_URL": str(tmp_path / "named.db")}
    made = autometa("kb", "create", "--empty", "-f", "json", **named)
    assert json.loads(made.stdout)["tasks"]["total"] == 0
    assert (tmp_path / "named.db").is_file()
    upgraded = json.loads(autometa("kb", "upgrade", "-f", "json", **named).stdout)
    assert [row["from"] == row["to"] for row in upgraded] == [True]
    nowhere = {"AUTOMETA_DATABASE_URL": str(tmp_path / "nowhere.db")}
    assert "nowhere.db" in autometa("kb", "upgrade", **nowhere).stderr


def test_what_one_exports_another_imports(autometa: Command, examples: Path, tmp_path: Path) -> None:
    for name in ("mine.db", "yours.db"):
        assert autometa("kb", "create", "--empty", "--db", name).returncode == 0
    grown = autometa(
        "kb", "grow", "--from", str(examples), "--candidates", "1", "--origin", "me", "--db", "mine.db", "-f", "json"
    )
    assert json.loads(grown.stdout) == {"new": 3, "known": 0, "left": 0, "skipped": [], "unreached": []}
    assert json.loads(autometa("kb", "export", "a.parquet", "--db", "mine.db", "-f", "json").stdout) == {
        "file": "a.parquet",
        "evaluations": 3,
        "withheld": 0,
        "withdrawn": 0,
    }
    first = json.loads(autometa("kb", "import", "a.parquet", "--db", "yours.db", "-f", "json").stdout)
    again = json.loads(autometa("kb", "import", "a.parquet", "--db", "yours.db", "-f", "json").stdout)
    assert first == [{"file": "a.parquet", "new": 3, "known": 0, "differing": 0, "joined": 0, "withdrawn": 0}]
    assert again == [{"file": "a.parquet", "new": 0, "known": 3, "differing": 0, "joined": 0, "withdrawn": 0}]
    rows = json.loads(autometa("kb", "list", "evaluations", "--db", "yours.db", "-f", "json").stdout)
    assert {row["origin"] for row in rows} == {"me"}
    nothing = autometa("kb", "export", "b.parquet", "--beside", ".", "--db", "mine.db")
    assert nothing.stdout.strip() == "nothing new to write"
    assert not (tmp_path / "b.parquet").exists()


def test_what_one_takes_back_goes_from_the_base_of_another(autometa: Command, examples: Path, tmp_path: Path) -> None:
    for name in ("mine.db", "yours.db"):
        assert autometa("kb", "create", "--empty", "--db", name).returncode == 0
    grow = ("kb", "grow", "--from", str(examples), "--candidates", "1", "--origin", "me", "--db", "mine.db")
    assert autometa(*grow).returncode == 0
    assert autometa("kb", "export", "shelf/1.parquet", "--db", "mine.db").returncode == 0
    assert autometa("kb", "import", "shelf/1.parquet", "--db", "yours.db").returncode == 0
    runs = pd.DataFrame(json.loads(autometa("kb", "list", "evaluations", "--db", "mine.db", "-f", "json").stdout))
    runs[:2].assign(reason="wrong clock").to_csv(tmp_path / "list.csv", index=False)
    withdrawing = ("kb", "export", "shelf/2.parquet", "--beside", "shelf", "--withdraw", "list.csv", "--db", "mine.db")
    assert autometa(*withdrawing).stdout.strip() == "0 evaluations written to shelf/2.parquet, 2 runs withdrawn"
    read = autometa("kb", "import", "shelf/2.parquet", "--db", "yours.db", "-f", "json")
    assert [(row["new"], row["withdrawn"]) for row in json.loads(read.stdout)] == [(0, 2)]
    assert (
        read.stderr == "2 results are withdrawn by their origin, and not kept; autometa kb doctor lists the reasons\n"
    )
    again = autometa("kb", "merge", "mine.db", "--db", "yours.db", "-f", "json")
    assert [(row["known"], row["withdrawn"]) for row in json.loads(again.stdout)] == [(1, 2)]
    status = json.loads(autometa("kb", "status", "--db", "yours.db", "-f", "json").stdout)
    assert (status["evaluations"]["total"], status["withdrawn"]) == (1, 2)
    assert "filled; 2 withdrawn runs are kept out; " in autometa("kb", "status", "--db", "yours.db").stdout
    assert "2 of me (wrong clock)" in autometa("kb", "doctor", "--db", "yours.db", "-f", "json").stdout
    assert autometa("kb", "import", "shelf/2.parquet", "--db", "mine.db").returncode == 0
    assert autometa(*grow).returncode == 0  # measures again what was taken back
    assert autometa("kb", "export", "shelf/3.parquet", "--beside", "shelf", "--db", "mine.db").stdout.startswith("2 ev")


def test_show_opens_what_the_evidence_names(autometa: Command, examples: Path) -> None:
    advice = json.loads(autometa("recommend", str(examples / "diabetes.csv"), "-k", "1", "-f", "json").stdout)
    item = advice["recommendations"][0]
    run = item["evidence"][0]
    shown = json.loads(autometa("kb", "show", run["fingerprint"], "-f", "json").stdout)
    assert shown["name"] == run["task"]
    (measured,) = (e for e in shown["evaluations"] if e["key"] == item["key"])
    assert measured["rmse"] == pytest.approx(run["score"], rel=1e-5)
    assert run["n_tried"] == len(shown["evaluations"])
    better = [e for e in shown["evaluations"] if e["status"] == "ok" and e["rmse"] < measured["rmse"]]
    assert run["rank"] == len(better) + 1
    by_key = json.loads(autometa("kb", "show", item["key"][:16], "-f", "json").stdout)
    assert by_key["hyperparameters"] == item["hyperparameters"]
    assert run["task"] in {e["task"] for e in by_key["evaluations"]}


def test_a_copy_of_a_known_table_is_of_its_family_and_shown_with_it(
    autometa: Command, examples: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(examples / "wine.csv")
    (tmp_path / "tables").mkdir()
    table.to_csv(tmp_path / "tables" / "a.csv", index=False)
    half = table.sample(n=90, random_state=0).rename(columns=lambda name: f"{name} 2")
    half.to_parquet(tmp_path / "tables" / "b.parquet")
    assert autometa("kb", "create", "--empty", "--db", "own.db").returncode == 0
    grown = autometa("kb", "grow", "--from", "tables", "--candidates", "1", "--db", "own.db")
    assert grown.returncode == 0, grown.stderr
    one, other = (json.loads(autometa("kb", "show", name, "--db", "own.db", "-f", "json").stdout) for name in "ab")
    assert one["family"] == other["family"] == one["fingerprint"]
    assert [(near["name"], near["fingerprint"]) for near in one["near"]] == [("b", other["fingerprint"])]
    assert [near["shared"].startswith("100 % of rows") for near in other["near"]] == [True]
    assert "nearly the same: a (178 rows" in autometa("kb", "show", "b", "--db", "own.db").stdout
    half.iloc[:40].to_csv(tmp_path / "c.csv", index=False)
    for command in ("describe", "recommend"):
        content = json.loads(autometa(command, "c.csv", "--db", "own.db", "-f", "json").stdout)
        assert len([note for note in content["notes"] if "nearly the same as the known table" in note]) == 2


def test_runs_of_two_protocols_are_told_apart_where_they_are_listed(
    autometa: Command, examples: Path, tmp_path: Path
) -> None:
    (tmp_path / "tables").mkdir()
    pd.read_csv(examples / "wine.csv").to_csv(tmp_path / "tables" / "a.csv", index=False)
    assert autometa("kb", "create", "--empty", "--db", "own.db").returncode == 0
    grow = ("kb", "grow", "--from", "tables", "--candidates", "1", "--db", "own.db")
    shown = []
    for protocol in ("cv-v1", "holdout-v1"):
        assert autometa(*grow, "--protocol", protocol).returncode == 0
        shown.append(autometa("kb", "show", "a", "--db", "own.db").stdout)
    assert "cv-v1" not in shown[0], "one protocol needs no column"
    assert [protocol in shown[1] for protocol in ("cv-v1", "holdout-v1")] == [True, True]


def test_only_with_sketches_a_shard_joins_copies_of_its_tables_and_that_is_said(
    autometa: Command, examples: Path, tmp_path: Path
) -> None:
    for owner, rows in (("mine", slice(None)), ("yours", slice(0, None, 2))):
        (tmp_path / owner).mkdir()
        pd.read_csv(examples / "wine.csv").iloc[rows].to_csv(tmp_path / owner / f"{owner}.csv", index=False)
        assert autometa("kb", "create", "--empty", "--db", f"{owner}.db").returncode == 0
        grown = autometa("kb", "grow", "--from", owner, "--candidates", "1", "--db", f"{owner}.db")
        assert grown.returncode == 0, grown.stderr
    for name, options, n_joined in (("plain", (), 0), ("sketched", ("--with-sketches",), 1)):
        exported = autometa("kb", "export", f"{name}.parquet", *options, "--db", "mine.db")
        assert exported.returncode == 0, exported.stderr
        done = autometa("kb", "import", f"{name}.parquet", "--db", "yours.db", "-f", "json")
        assert json.loads(done.stdout)[0]["joined"] == n_joined
        assert ("1 family was joined with others" in done.stderr) is (n_joined == 1)
        tasks = json.loads(autometa("kb", "list", "tasks", "--db", "yours.db", "-f", "json").stdout)
        assert [task["name"] for task in tasks] == ["mine", "yours"]
        assert len({task["family"] for task in tasks}) == 2 - n_joined


def test_a_selection_is_exported_without_names(autometa: Command, tmp_path: Path) -> None:
    options = ("--kind", "regression", "--since", "2020-01-01", "--privacy", "coarse", "-f", "json")
    exported = json.loads(autometa("kb", "export", "a.parquet", *options).stdout)
    known = json.loads(autometa("kb", "list", "tasks", "-f", "json").stdout)
    assert exported["evaluations"] == sum(task["n_evaluations"] for task in known if task["kind"] == "regression")
    assert exported["withheld"] == 0
    assert autometa("kb", "create", "--empty", "--db", "own.db").returncode == 0
    assert autometa("kb", "import", "a.parquet", "--db", "own.db").returncode == 0
    tasks = json.loads(autometa("kb", "list", "tasks", "--db", "own.db", "-f", "json").stdout)
    assert {task["kind"] for task in tasks} == {"regression"}
    assert all(task["name"] == f"task {task['fingerprint'][:12]}" for task in tasks)
    nothing = autometa("kb", "export", "b.parquet", "--since", "2999-01-01")
    assert nothing.stdout.strip() == "nothing new to write"


def test_remove_asks_unless_it_is_told_not_to(autometa: Command, shipped_base: Path, tmp_path: Path) -> None:
    shutil.copy(shipped_base, tmp_path / "own.db")
    n_tasks = json.loads(autometa("kb", "status", "--db", "own.db", "-f", "json").stdout)["tasks"]["total"]
    arguments = ("kb", "remove", "--task", "sonar", "--db", "own.db", "-f", "json")
    for answer, exit_code, n_left in (
        ("\n", 2, n_tasks),
        ("", 2, n_tasks),
        ("no\n", 2, n_tasks),
        ("y\n", 0, n_tasks - 1),
    ):
        done = autometa(*arguments, stdin=answer)
        assert done.returncode == exit_code
        assert done.stderr.startswith("this removes 1 task (sonar), ")
        assert "from own.db; go on? [y/N]" in done.stderr
        assert ("nothing was removed; answer y, or give --yes" in done.stderr) is (exit_code == 2)
        status = json.loads(autometa("kb", "status", "--db", "own.db", "-f", "json").stdout)
        assert status["tasks"]["total"] == n_left
    assert json.loads(done.stdout)["tasks"] == ["sonar"]
    for origin in ("campaign", "pilot"):  # the campaign ran on tables of the pilot too: those are the pilot's
        everything = autometa("kb", "remove", "--origin", origin, "--yes", "--db", "own.db")
        assert everything.stdout.startswith("removed: ")
        assert everything.stderr == ""
    assert json.loads(autometa("kb", "status", "--db", "own.db", "-f", "json").stdout)["tasks"]["total"] == 0


def test_the_doctor_exits_with_1_only_if_something_is_broken(
    autometa: Command, shipped_base: Path, tmp_path: Path
) -> None:
    shutil.copy(shipped_base, tmp_path / "own base.db")
    sound = autometa("kb", "doctor", "--db", "own base.db", "-f", "json")
    findings = json.loads(sound.stdout)
    assert (sound.returncode, sound.stderr) == (0, "")
    assert {tuple(finding) for finding in findings} == {("check", "level", "message", "command")}
    commands = [finding["command"] for finding in findings if finding["command"]]
    assert commands
    assert all(command.endswith(" --db 'own base.db'") for command in commands)
    shown = next(command for command in commands if "kb show" in command)
    assert autometa(*shlex.split(shown)[1:]).returncode == 0
    driver = sqlite3.connect(tmp_path / "own base.db")
    driver.execute("UPDATE tasks SET n_rows = 0")
    driver.commit()
    driver.close()
    broken = autometa("kb", "doctor", "--db", "own base.db")
    assert (broken.returncode, broken.stderr) == (1, "")
    assert "a row breaks a rule" in broken.stdout


def test_reading_the_shipped_runs_says_what_it_joined(capsys: pytest.CaptureFixture[str]) -> None:
    with shard_progress() as progress:
        for counts in ((0, 2, 0), (1, 2, 3), (2, 2, 3)):
            progress(*counts)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "3 families were joined with others, since their tables are nearly the same"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("kb", "show", "no_such_thing"), "autometa kb list tasks"),
        (("kb", "import", "nothing.parquet"), "no such file"),
        (("kb", "import", "junk.parquet"), "junk.parquet"),
        (("kb", "export", "a.parquet", "--origin", "nobody"), "no origin 'nobody'; there are: "),
        (("kb", "export", "a.parquet", "--since", "soon"), "not a date or time: 'soon'"),
        (("kb", "export", "a.parquet", "--kind", "clustering"), "'clustering' is not one of"),
        (("kb", "export", "a.parquet", "--privacy", "secret"), "'secret' is not one of"),
        (("kb", "export", "a.parquet", "--privacy", "coarse", "--with-sketches"), "do not go with privacy 'coarse'"),
        (("kb", "export", "a.parquet", "--withdraw", "list.csv"), "name their folder with --beside"),
        (("kb", "export", "a.parquet", "--beside", ".", "--withdraw", "junk.parquet"), "not a readable Parquet file"),
        (("kb", "merge", "nowhere.db"), "no knowledge base in nowhere.db"),
        (("kb", "merge", "junk.parquet"), "junk.parquet is not a knowledge base"),
        (("kb", "remove"), "a task or an origin, one of the two"),
        (("kb", "remove", "--origin", "nobody", "--yes"), "no origin 'nobody'; there are: "),
        (("kb", "grow", "--from", "nowhere"), "no such file or folder"),
        (("kb", "grow", "--from", ".", "--time", "soon"), "not a time: 'soon'"),
        (("kb", "grow", "--from", ".", "--protocol", "cv-v9"), "no protocol 'cv-v9'"),
        (("kb", "grow", "--from", ".", "--workers", "2", "--dask", "tcp://nowhere:1"), "give one of them"),
        (("kb", "status", "--db", "junk.parquet"), "junk.parquet"),
        (("kb", "status", "--db", "mysql://localhost/x"), "mysql"),
        (("kb", "upgrade", "--db", "nothing.db"), "nothing.db"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_2(
    autometa: Command, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "junk.parquet").write_bytes(bytes(range(256)) * 8)
    before = sorted(path.name for path in tmp_path.iterdir())
    result = autometa(*arguments)
    assert (result.returncode, result.stdout) == (2, ""), result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before, "nothing is written"


def test_tables_for_people_show_every_number(autometa: Command, shipped_base: Path, tmp_path: Path) -> None:
    shutil.copy(shipped_base, tmp_path / "own.db")
    tasks = autometa("kb", "list", "tasks", "--db", "own.db").stdout
    n_tasks = json.loads(autometa("kb", "status", "-f", "json").stdout)["tasks"]["total"]
    assert len([line for line in tasks.splitlines() if line.strip()]) == n_tasks + 1
    few = autometa("kb", "list", "evaluations", "--limit", "2", "-f", "json")
    assert len(json.loads(few.stdout)) == 2


def test_candidates_that_are_none_are_refused(autometa: Command, examples: Path, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("[]")
    assert autometa("kb", "create", "--empty", "--db", "own.db").returncode == 0
    result = autometa("kb", "grow", "--from", str(examples), "--configurations", "none.json", "--db", "own.db")
    assert (result.returncode, result.stdout) == (2, "")
    assert "no candidates in none.json" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
