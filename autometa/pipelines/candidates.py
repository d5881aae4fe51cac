"""Candidate configurations of each kind of task: what the knowledge base is filled with.

The shipped lists are data, chosen by measurement (docs/campaign.md): about 100 configurations a kind, in an order of
which every prefix is a good portfolio, the libraries' defaults among the first.
"""

import json
from pathlib import Path

from autometa._paths import data_path
from autometa.errors import ConfigurationError
from autometa.pipelines.learners import LEARNERS, learner_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind


def read_candidates(kind: TaskKind, path: Path | None = None) -> tuple[Configuration, ...]:
    """Return the candidates for tasks of ``kind``, in order: of a file, or the shipped ones.

    Parameters
    ----------
    kind : TaskKind
        Candidates of algorithms that do not do this kind are left out.
    path : Path, optional
        A JSON list of objects with ``algorithm`` and ``values``, or a folder with such a list for each kind,
        ``binary.json`` and so on, of which some may be missing; default: the shipped lists.

    Raises
    ------
    ConfigurationError
        If the list is missing or damaged, or a candidate is of no algorithm of ours or outside its space.
    """
    file = data_path("candidates") if path is None else path
    if file.is_dir():
        lists = {each: file / f"{each}.json" for each in TaskKind}
        if path is not None and not lists[TaskKind(kind)].exists() and any(map(Path.exists, lists.values())):
            return ()
        file = lists[TaskKind(kind)]
    try:
        items = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(items, list):
            raise TypeError("it is no list")
        listed = [Configuration(algorithm=item["algorithm"], values=item["values"]) for item in items]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        remedy = "give a JSON list of objects with 'algorithm' and 'values'" if path else "reinstall autometa-ml"
        raise ConfigurationError(f"the candidates of {file} cannot be read ({error}); {remedy}") from error
    return tuple(dict.fromkeys(_checked(candidate, kind) for candidate in listed if _does(candidate, kind)))


def _does(candidate: Configuration, kind: TaskKind) -> bool:
    """Return whether an algorithm does a kind; one that is not ours is left for the check."""
    learner = LEARNERS.get(candidate.algorithm)
    return learner is None or kind in learner.kinds


def _checked(candidate: Configuration, kind: TaskKind) -> Configuration:
    """Return a candidate as its space writes it; raise if it lies outside."""
    return learner_of(candidate.algorithm, kind).space(kind).configuration(candidate.values)
