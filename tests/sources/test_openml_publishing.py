import json
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import arff
import numpy as np
import openml
import pandas as pd
import pytest
from openml.extensions.sklearn import SklearnExtension
from sklearn.metrics import accuracy_score

from autometa.errors import ConfigurationError, DataError, NotKnownError, OptionError, SourceError
from autometa.evaluation.record import Evaluation, Status
from autometa.knowledge.base import KnowledgeBase
from autometa.metafeatures import MetaFeatures
from autometa.pipelines.building import build
from autometa.sources.openml.choosing import measured_best
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.flows import Setup, own_flow, to_configuration
from autometa.sources.openml.preparation import TableFacts
from autometa.sources.openml.publishing import FILES, check_folder, declared, make_flow, prepare, send, write
from autometa.sources.openml.reading import Reference, fetch
from autometa.space import Configuration
from autometa.task_kind import TaskKind
from tests.openml_http import cut, refusal
from tests.openml_server import OpenMLServer
from tests.sources.openml_runs import Desk

QUICK = Connection(seconds=20, n_attempts=2, pause_seconds=0.0)
TREE = Configuration(algorithm="decision_tree", values={"max_depth": 3, "criterion": "entropy"})
OML = "{http://openml.org/openml}"


@pytest.fixture
def server(openml_here: OpenMLServer) -> OpenMLServer:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=60).round(3),
            "b": pd.Categorical(rng.choice(["x", "y"], 60)),
        }
    )
    frame["y"] = pd.Categorical(np.where(frame["a"] > 0, "it's on", "off"), categories=["it's on", "off", "never"])
    frame["z"] = (frame["a"] * 2 + rng.normal(size=60)).round(3)
    openml_here.add_table(41, frame, target="y", name="switches", ignore=["z"])
    openml_here.add_task(51, 41, n_repeats=2)
    openml_here.add_table(42, frame[["a", "b", "z"]], target="z", name="numbers")
    openml_here.add_task(52, 42, type_id=2, procedure=7)
    return openml_here


@pytest.fixture
def desk(server: OpenMLServer) -> Desk:
    return Desk(server)


def test_a_dry_run_sends_nothing_and_writes_all_that_would_be_sent(
    desk: Desk, server: OpenMLServer, tmp_path: Path
) -> None:
    places = write(prepare(TREE, 51, QUICK), tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(FILES) == sorted(places)
    assert not desk.flows
    assert not desk.runs
    assert server.n_asked("POST /api/v1/xml/(run|flow/$)") == 0
    run = ElementTree.parse(places["description.xml"]).getroot()
    assert run.findtext(f"{OML}task_id") == "51"
    stated = {
        each.findtext(f"{OML}name"): each.findtext(f"{OML}value") for each in run.findall(f"{OML}parameter_setting")
    }
    assert (stated["max_depth"], stated["criterion"], stated["min_samples_leaf"]) == ("3", '"entropy"', "1")
    assert run.findtext(f"{OML}setup_string") == TREE.to_json()


def test_what_arrives_is_what_the_dry_run_wrote(desk: Desk, tmp_path: Path) -> None:
    first = prepare(TREE, 51, QUICK)
    assert send(first, QUICK) == 9001
    places = write(prepare(TREE, 51, QUICK), tmp_path / "run")  # OpenML has the flow by now
    assert send(prepare(TREE, 51, QUICK), QUICK) == 9002
    for run in desk.runs:
        for name in ("description", "predictions"):
            suffix = "xml" if name == "description" else "arff"
            assert run[name].decode() == places[f"{name}.{suffix}"].read_text()
    assert list(desk.flows) == [500]
    dry = places["flow.xml"].read_text()
    assert desk.flows[500].decode() == dry.replace("<oml:id>500</oml:id>", "").replace("\t\n", "", 1)


def test_predictions_are_those_of_our_pipeline_on_openmls_splits(desk: Desk, tmp_path: Path) -> None:
    publication = prepare(TREE, 51, QUICK)
    content = arff.loads(publication.files()["predictions.arff"])
    names = [name for name, _ in content["attributes"]]
    assert names == [
        "repeat", "fold", "sample", "row_id", "prediction", "correct",
        "confidence.it's on", "confidence.off", "confidence.never",
    ]  # fmt: skip
    table = pd.DataFrame(content["data"], columns=names)
    assert len(table) == 2 * 60
    assert table.groupby("repeat")["row_id"].nunique().tolist() == [60, 60]
    assert (table["confidence.never"] == 0).all()
    assert table[[name for name in names if name.startswith("confidence")]].sum(axis=1).to_numpy() == pytest.approx(1)
    task = fetch(QUICK, Reference(number=51, is_task=True)).task
    openml_task = openml.tasks.get_task(51, download_splits=True)
    train, test = openml_task.get_train_test_split_indices(repeat=1, fold=2)
    pipeline = build(TREE, kind=task.kind, column_kinds=task.column_kinds).fit(task.X.iloc[train], task.y.iloc[train])
    chosen = table[(table["repeat"] == 1) & (table["fold"] == 2)].set_index("row_id")
    assert chosen.loc[test, "prediction"].tolist() == [str(each) for each in pipeline.predict(task.X.iloc[test])]
    assert accuracy_score(table["correct"], table["prediction"]) > 0.9


def test_classes_are_spelt_as_openml_declares_them(server: OpenMLServer) -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"a": rng.normal(size=60).round(3)})
    frame["y"] = pd.Categorical(rng.choice(["NA", "1", "2.0"], 60))
    server.add_table(43, frame, target="y", name="spelt")
    server.add_task(53, 43)
    Desk(server)
    content = arff.loads(prepare(TREE, 53, QUICK).files()["predictions.arff"])
    truth = [row[5] for row in sorted(content["data"], key=lambda row: row[3])]
    assert truth == frame["y"].tolist()
    assert {row[4] for row in content["data"]} <= {"NA", "1", "2.0"}
    with pytest.raises(DataError, match="declares no class 'x'"):
        declared(["x"], ["1", "2"])


def test_a_regression_is_sent_as_numbers(desk: Desk) -> None:
    publication = prepare(Configuration(algorithm="ridge", values={"alpha": 2.0}), 52, QUICK)
    content = arff.loads(publication.files()["predictions.arff"])
    assert [name for name, _ in content["attributes"]] == ["repeat", "fold", "row_id", "prediction", "truth"]
    assert len(content["data"]) == 60
    assert send(publication, QUICK) == 9001


@pytest.mark.parametrize("algorithm", ["decision_tree", "lightgbm", "svm_rbf"])
def test_our_flows_are_read_back_as_our_configurations(algorithm: str) -> None:
    flow = make_flow(algorithm, TaskKind.BINARY)
    assert flow.name == own_flow(algorithm, TaskKind.BINARY)
    settings = tuple((flow.name, name, value) for name, value in flow.parameters.items())
    found = to_configuration(Setup(flow=f"{flow.name}(1)", settings=settings), TableFacts(kind=TaskKind.BINARY))
    assert found == Configuration(algorithm=algorithm)


def test_the_openml_library_itself_makes_no_flow_of_our_pipelines(server: OpenMLServer) -> None:
    """The day that it does, `publishing` can leave it to that."""
    task = fetch(QUICK, Reference(number=51, is_task=True)).task
    with pytest.raises(TypeError, match="methodcaller"):
        SklearnExtension().model_to_flow(build(TREE, kind=task.kind, column_kinds=task.column_kinds))


def test_without_a_key_nothing_is_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    publication = prepare(TREE, 51, QUICK)
    monkeypatch.setattr(openml.config, "apikey", "")
    with pytest.raises(OptionError, match="needs your key of OpenML"):
        send(publication, QUICK)
    assert not desk.flows


def test_a_run_that_gets_no_answer_is_not_sent_again_by_itself(desk: Desk, server: OpenMLServer) -> None:
    publication = prepare(TREE, 51, QUICK)
    server.fail("POST /api/v1/xml/run/", cut())
    with pytest.raises(SourceError, match=r"the run on task 51: .* cut; it may be there all the same, so look"):
        send(publication, QUICK)
    assert server.n_asked("POST /api/v1/xml/run/") == 1
    server.mend()
    server.fail("POST /api/v1/xml/run/", refusal(200, "Please provide the task"))
    with pytest.raises(SourceError, match=r"OpenML refuses the run on task 51: Please provide the task"):
        send(publication, QUICK)


@pytest.mark.parametrize("half", [b"", b"\x80\x02}q\x00(X"])
def test_half_a_file_that_the_library_derived_from_splits_is_no_end(desk: Desk, half: bytes) -> None:
    whole = prepare(TREE, 51, QUICK).files()
    (path,) = (QUICK.cache / "tasks" / "51").glob("*.pkl*")
    path.write_bytes(half)
    assert prepare(TREE, 51, QUICK).files() == whole


def test_only_configurations_of_ours_are_run(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="no algorithm 'mine'"):
        prepare(Configuration(algorithm="mine"), 51, QUICK)
    with pytest.raises(ConfigurationError, match="outside"):
        prepare(Configuration(algorithm="decision_tree", values={"max_depth": 900}), 51, QUICK)


def test_a_folder_with_something_in_it_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    publication = prepare(TREE, 51, QUICK)
    for check in (check_folder, partial(write, publication)):
        with pytest.raises(OptionError, match="there is something in"):
            check(tmp_path)
        with pytest.raises(OptionError, match="cannot write into"):
            check(tmp_path / "letter.txt")
    check_folder(tmp_path / "new" / "one")
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name or path.is_file()] == ["letter.txt"]


def test_a_table_that_lacks_rows_since_their_target_is_infinite_is_refused(desk: Desk) -> None:
    fetch(QUICK, Reference(number=52, is_task=True))
    path = QUICK.cache / "datasets" / "42" / "dataset_42.pq"
    frame = pd.DataFrame({"a": np.arange(60.0), "b": ["x", "y"] * 30, "z": np.arange(60.0)})
    frame.loc[5, "z"] = np.inf
    frame.to_parquet(path)
    with pytest.raises(DataError, match="rows with an infinite target were left out"):
        prepare(Configuration(algorithm="ridge"), 52, QUICK)


def test_the_best_that_was_measured_on_a_task_is_chosen(server: OpenMLServer, tmp_path: Path) -> None:
    base = KnowledgeBase.create(tmp_path / "runs.db")
    with pytest.raises(NotKnownError, match="0 configurations were measured on task 51"):
        measured_best(base, 51, QUICK, rank=1)
    task = fetch(QUICK, Reference(number=51, is_task=True)).task
    base.add_task(task, MetaFeatures(values={}, failures={}, seconds={}, version="1"))
    runs = [
        (TREE, "cv-v1", 0.99),
        (TREE, "openml-1-first", 0.7),
        (Configuration(algorithm="lda"), "openml-1-first", 0.8),
    ]
    base.add_evaluations(
        Evaluation(
            fingerprint=task.fingerprint, configuration=configuration, protocol=protocol, pipelines_version="1", seed=0,
            status=Status.OK, fold_scores={"roc_auc": (score,)}, fit_seconds=1.0, predict_seconds=1.0,
            peak_memory_bytes=0, error="", absent={}, versions={},
        )
        for configuration, protocol, score in runs
    )  # fmt: skip
    assert [measured_best(base, 51, QUICK, rank=rank).algorithm for rank in (1, 2)] == ["lda", "decision_tree"]
    assert json.loads(measured_best(base, 51, QUICK, rank=2).to_json())["values"]["max_depth"] == 3
