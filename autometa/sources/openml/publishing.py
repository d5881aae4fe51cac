"""Configurations of ours run on OpenML's splits, and sent there as runs: flow, settings, predictions.

The flow is built by hand: `openml.extensions.sklearn` makes flows of estimators whose parameters are plain values, and
the preparation in our pipelines is of functions and methods. A flow of ours is an algorithm, with the hyperparameters
and choices of its space as parameters, coded as JSON; `autometa.sources.openml.flows` reads them back.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any  # Any: objects of the openml library, which has no types

import numpy as np

import autometa
from autometa.errors import DataError, OptionError, SourceError
from autometa.pipelines.building import build
from autometa.pipelines.learners import learner_of
from autometa.sources.openml.answers import labels_of
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.fetching import fetch_columns, fetch_splits, fetch_task
from autometa.sources.openml.flows import own_flow
from autometa.sources.openml.reading import Fetched, Reference, fetch
from autometa.space import Configuration
from autometa.task import Task
from autometa.task_kind import TaskKind

FILES = ("flow.xml", "description.xml", "predictions.arff")
_TAGS = ("autometa",)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Publication:
    """A run that may be sent to OpenML.

    Parameters
    ----------
    configuration : Configuration
        What was run.
    number : int
        OpenML's number of the task.
    flow : OpenMLFlow
        The flow; with OpenML's number where it has it already.
    run : OpenMLRun
        The run, with its predictions.
    """

    configuration: Configuration
    number: int
    flow: Any = field(repr=False)
    run: Any = field(repr=False)

    def files(self) -> dict[str, str]:
        """Return what is sent, by the names of `FILES`; a new flow has no number yet, which the run would name."""
        import arff

        return {
            "flow.xml": self.flow._to_xml(),
            "description.xml": self.run._to_xml(),
            "predictions.arff": arff.dumps(self.run._generate_arff_dict()),
        }


def prepare(configuration: Configuration, number: int, connection: Connection, *, seed: int = 0) -> Publication:
    """Return a configuration run on all splits of an OpenML task; nothing is sent.

    Parameters
    ----------
    configuration : Configuration
        Of one of our algorithms.
    number : int
        OpenML's number of the task.
    connection : Connection
        How OpenML is asked.
    seed : int
        Seed of the pipelines.

    Raises
    ------
    ConfigurationError
        If the configuration is none of ours.
    DataError
        If the task cannot be read, or the splits do not fit its table.
    SourceError
        If OpenML does not give what is needed.
    """
    import openml

    fetched = fetch(connection, Reference(number=number, is_task=True))
    learner_of(configuration.algorithm, fetched.task.kind).space(fetched.task.kind).check(configuration)
    fetched.check_rows()
    labels = _labels(connection, number, fetched.task)
    folds = _folds(connection, number, fetched)
    rows = list(predictions(configuration, fetched, folds, labels, seed=seed))
    flow = make_flow(configuration.algorithm, fetched.task.kind)
    found = connection.ask(f"flow {flow.name}", lambda: openml.flows.flow_exists(flow.name, flow.external_version))
    run = openml.runs.OpenMLRun(
        task_id=number,
        flow_id=None,
        dataset_id=fetch_task(connection, number).dataset,
        setup_string=configuration.to_json(),
        data_content=rows,
        flow=flow,
        flow_name=flow.name,
        tags=list(_TAGS),
        description_text=f"autometa {autometa.__version__}, {configuration.to_json()}, seed {seed}",
    )
    publication = Publication(configuration=configuration, number=number, flow=flow, run=run)
    _number(publication, int(found) if found else None)
    return publication


def check_folder(folder: Path) -> None:
    """Check that `write` can use a folder: one that is new or empty. What runs for long is to be asked this before.

    Raises
    ------
    OptionError
        If there is something in it, or it cannot be read.
    """
    try:
        if folder.exists() and any(folder.iterdir()):
            raise OptionError(f"there is something in {folder}; name an empty folder, or a new one")
    except OSError as error:
        raise OptionError(f"cannot write into {folder}: {error.strerror or error}") from error


def write(publication: Publication, folder: Path) -> dict[str, Path]:
    """Write what would be sent into a folder, new or empty; return where, by the names of `FILES`.

    Raises
    ------
    OptionError
        If there is something in it, or it cannot be written.
    """
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        places = {name: folder / name for name in FILES}
        for name, content in publication.files().items():
            places[name].write_text(content, encoding="utf-8")
    except OSError as error:
        raise OptionError(f"cannot write into {folder}: {error.strerror or error}") from error
    return places


def send(publication: Publication, connection: Connection) -> int:
    """Send a run to OpenML, its flow before it if OpenML has none; return OpenML's number of the run.

    Needs the user's key in the configuration of the `openml` library. Nothing is sent twice by itself: a run that got
    no answer may be there all the same, so look before sending again.

    Raises
    ------
    OptionError
        If there is no key.
    SourceError
        If OpenML does not take it.
    """
    check_key()
    once = replace(connection, n_attempts=1, advice="it may be there all the same, so look before sending again")
    flow = once.ask(f"the flow {publication.flow.name}", publication.flow.publish)
    _number(publication, int(flow.flow_id))
    run = once.ask(f"the run on task {publication.number}", publication.run.publish, is_data=True)
    if run.run_id is None:
        raise SourceError(f"OpenML gave the run on task {publication.number} no number; look for it there")
    return int(run.run_id)


def check_key() -> None:
    """Check that the `openml` library has a key of the user's.

    Raises
    ------
    OptionError
        If it has none.
    """
    import openml

    if not openml.config.apikey:
        raise OptionError("sending needs your key of OpenML; set apikey in the configuration of the openml library")


def make_flow(algorithm: str, kind: TaskKind) -> Any:
    """Return the flow of our pipelines with an algorithm: parameters are those of its space, their defaults as JSON.

    Raises
    ------
    ConfigurationError
        If there is no such algorithm for that kind.
    """
    import openml

    learner = learner_of(algorithm, kind)
    parameters = learner.space(kind).parameters
    versions = {"autometa": autometa.__version__, "scikit-learn": metadata.version("scikit-learn")}
    if learner.module != "sklearn":
        versions[learner.module] = metadata.version(_distribution(learner.module))
    return openml.flows.OpenMLFlow(
        name=own_flow(algorithm, kind),
        description=f"A pipeline of autometa: the table prepared, then {algorithm}.",
        model=None,
        components={},
        parameters={each.name: json.dumps(each.default) for each in parameters},
        parameters_meta_info={
            each.name: {"data_type": each.kind, "description": _meaning(each.name)} for each in parameters
        },
        external_version=",".join(f"{name}=={version}" for name, version in versions.items()),
        tags=list(_TAGS),
        language="English",
        dependencies="\n".join(f"{name}>={version}" for name, version in versions.items()),
        class_name="autometa.pipelines.building.build",
    )


def predictions(
    configuration: Configuration,
    fetched: Fetched,
    folds: Mapping[tuple[int, int], tuple[np.ndarray, np.ndarray]],
    labels: Sequence[str],
    *,
    seed: int,
) -> Iterator[list[Any]]:
    """Iterate over the rows of the file of predictions, in OpenML's order of columns.

    Parameters
    ----------
    configuration : Configuration
        What is fitted on each fold.
    fetched : Fetched
        The task and where its rows are in the file.
    folds : mapping of (int, int) to (ndarray, ndarray)
        (repeat, fold) -> positions of training and test rows (n,) in the file.
    labels : sequence of str
        The classes as OpenML declares them; empty for regression.
    seed : int
        Seed of the pipelines.
    """
    task = fetched.task
    place = np.full(fetched.n_file_rows, -1, dtype=np.int64)
    place[fetched.rows] = np.arange(len(fetched.rows))
    for (repeat, fold), (train, test) in sorted(folds.items()):
        pipeline = build(configuration, kind=task.kind, column_kinds=task.column_kinds, seed=seed)
        inside = place[train]
        pipeline.fit(task.X.iloc[inside], task.y.iloc[inside])
        X, truth = task.X.iloc[place[test]], task.y.iloc[place[test]].tolist()
        predicted = pipeline.predict(X).tolist()
        if not labels:
            for row, value, true in zip(test.tolist(), predicted, truth, strict=True):
                yield [repeat, fold, row, float(value), float(true)]
            continue
        shares = _shares(pipeline, X, labels)
        predicted, truth = declared(predicted, labels), declared(truth, labels)
        for row, value, true, share in zip(test.tolist(), predicted, truth, shares, strict=True):
            yield [repeat, fold, 0, row, value, true, *share]


def declared(values: Sequence[object], labels: Sequence[str]) -> list[str]:
    """Return the declared label that each class stands for; one that looks like a missing value is read in quotes.

    Raises
    ------
    DataError
        If there is none.

    Examples
    --------
    >>> declared([1, "'NA'", "it's on"], ["1", "NA", "it's on"])
    ['1', 'NA', "it's on"]
    """
    found = labels_of(values, labels)
    found = [word[1:-1] if word not in labels and word[1:-1] in labels else word for word in found]
    for word in sorted(set(found) - set(labels)):
        raise DataError(f"OpenML declares no class '{word}' of that task; its classes are: {', '.join(labels[:10])}")
    return found


def _shares(pipeline: Any, X: Any, labels: Sequence[str]) -> list[list[float]]:
    """Return the probabilities (n_rows, n_labels) of the declared classes; 0 for one that training had not."""
    found = {label: column for column, label in enumerate(declared(pipeline.classes_.tolist(), labels))}
    given = pipeline.predict_proba(X)
    return [[float(row[found[label]]) if label in found else 0.0 for label in labels] for row in given]


def _number(publication: Publication, flow_id: int | None) -> None:
    """Give the flow and the run OpenML's number of the flow, by which the settings name it."""
    publication.flow.flow_id = publication.run.flow_id = flow_id
    publication.run.parameter_settings = [
        {
            "oml:name": name,
            "oml:value": json.dumps(value),
            **({} if flow_id is None else {"oml:component": flow_id}),
        }
        for name, value in _settings(publication).items()
    ]


def _settings(publication: Publication) -> dict[str, Any]:
    """Return all parameters of a flow as a run sets them, those at their defaults too."""
    defaults = {name: json.loads(value) for name, value in publication.flow.parameters.items()}
    return {name: publication.configuration.values.get(name, default) for name, default in defaults.items()}


def _labels(connection: Connection, number: int, task: Task) -> tuple[str, ...]:
    """Return the classes as OpenML declares them, in its order; empty for regression."""
    if not task.kind.is_classification:
        return ()
    info = fetch_task(connection, number)
    columns = fetch_columns(connection, info.dataset) or ()
    declared = next((column.labels for column in columns if column.name == info.target), ())
    if not declared:
        raise DataError(f"OpenML declares no classes for task {number}, which the file of predictions needs")
    return declared


def _folds(
    connection: Connection, number: int, fetched: Fetched
) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """Return (repeat, fold) -> positions in the file, of all repeats."""
    import openml

    fetch_splits(connection, fetch_task(connection, number))  # whole, and in the cache

    def ask() -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
        task = openml.tasks.get_task(number, download_splits=True)
        n_repeats, n_folds, _ = task.get_split_dimensions()
        return {
            (repeat, fold): task.get_train_test_split_indices(repeat=repeat, fold=fold)
            for repeat in range(n_repeats)
            for fold in range(n_folds)
        }

    found = connection.ask(f"the splits of task {number}", ask, is_data=True)
    known = set(fetched.rows.tolist())
    if not all(known.issuperset(part.tolist()) for parts in found.values() for part in parts):
        raise DataError(f"the splits of OpenML's task {number} have rows without a target; such a run cannot be sent")
    return found


def _distribution(module: str) -> str:
    """Return the name under which a library is installed."""
    return metadata.packages_distributions()[module][0]


def _meaning(name: str) -> str:
    """Return what a parameter is, in a few words."""
    return f"{name}, coded as JSON; see autometa.pipelines.learners"
