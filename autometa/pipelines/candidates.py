"""Candidate configurations of each kind of task: what the knowledge base is filled with, defaults first.

The shipped lists are data: 40 configurations a kind, drawn with seed 0 from the learners and ranges of their day
(LightGBM, forests, logistic or ridge regression, RBF SVM, MLP, nearest neighbours), before the table of learners
grew. Runs of them are in the knowledge base, so they stay as they are until lists chosen by measurement replace them.
"""

import json
from pathlib import Path

from autometa._paths import data_path
from autometa._random import generator
from autometa.errors import ConfigurationError
from autometa.pipelines.learners import LEARNERS, learner_of, learners_of
from autometa.space import Configuration
from autometa.task_kind import TaskKind


def draw_candidates(kind: TaskKind, n: int, seed: int) -> tuple[Configuration, ...]:
    """Return ``n`` distinct configurations for tasks of ``kind``, installed here or not.

    The library defaults of every learner come first, in the order of the table of learners. Then rounds
    follow in which each learner draws from its space as often as its ``turns`` say, taking turns. Each
    learner has its own stream of random numbers, so that a longer list begins with the shorter one and a
    new learner leaves the draws of the others as they are.

    Raises
    ------
    ConfigurationError
        If ``n`` is not positive.

    Examples
    --------
    >>> [candidate.algorithm for candidate in draw_candidates(TaskKind.REGRESSION, 3, seed=0)]
    ['lightgbm', 'catboost', 'xgboost']
    """
    if n < 1:
        raise ConfigurationError(f"a list of candidates has at least one, got n={n}; ask for more")
    learners = learners_of(kind, installed_only=False)
    spaces = {learner.algorithm: learner.space(kind) for learner in learners}
    streams = {name: generator(seed, "candidates", kind, name) for name in spaces}
    turns = range(max(learner.turns for learner in learners))
    cycle = [learner.algorithm for turn in turns for learner in learners if turn < learner.turns]

    candidates = dict.fromkeys(space.default() for space in spaces.values())
    while len(candidates) < n:
        for name in cycle:
            candidates.setdefault(spaces[name].sample(streams[name]))
    return tuple(candidates)[:n]


def read_candidates(kind: TaskKind, path: Path | None = None) -> tuple[Configuration, ...]:
    """Return the candidates for tasks of ``kind``, in order: of a file, or the shipped ones, defaults first.

    Parameters
    ----------
    kind : TaskKind
        Candidates of algorithms that do not do this kind are left out.
    path : Path, optional
        A JSON list of objects with ``algorithm`` and ``values``, or a folder with such a list for each kind,
        ``binary.json`` and so on; default: the shipped lists.

    Raises
    ------
    ConfigurationError
        If the list is missing or damaged, or a candidate is of no algorithm of ours or outside its space.
    """
    file = data_path("candidates") if path is None else path
    file = file / f"{TaskKind(kind)}.json" if file.is_dir() else file
    try:
        items = json.loads(file.read_text(encoding="utf-8"))
        listed = [Configuration(algorithm=item["algorithm"], values=item["values"]) for item in items]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        remedy = "give a JSON list of objects with 'algorithm' and 'values'" if path else "reinstall autometa-ml"
        raise ConfigurationError(f"the candidates cannot be read ({error}); {remedy}") from error
    return tuple(dict.fromkeys(_checked(candidate, kind) for candidate in listed if _does(candidate, kind)))


def _does(candidate: Configuration, kind: TaskKind) -> bool:
    """Return whether an algorithm does a kind; one that is not ours is left for the check."""
    learner = LEARNERS.get(candidate.algorithm)
    return learner is None or kind in learner.kinds


def _checked(candidate: Configuration, kind: TaskKind) -> Configuration:
    """Return a candidate as its space writes it; raise if it lies outside."""
    return learner_of(candidate.algorithm, kind).space(kind).configuration(candidate.values)
