"""Candidate configurations of each kind of task: what the knowledge base is filled with, defaults first.

The shipped lists are data: 40 configurations a kind, drawn with seed 0 from the learners and ranges of their day
(LightGBM, forests, logistic or ridge regression, RBF SVM, MLP, nearest neighbours), before the table of learners
grew. Runs of them are in the knowledge base, so they stay as they are until lists chosen by measurement replace them.
"""

import json

from autometa._paths import data_path
from autometa._random import generator
from autometa.errors import ConfigurationError
from autometa.pipelines.learners import learners_of
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


def read_candidates(kind: TaskKind) -> tuple[Configuration, ...]:
    """Return the shipped candidates for tasks of ``kind``, defaults first.

    Raises
    ------
    ConfigurationError
        If the list is missing or damaged.
    """
    path = data_path("candidates", f"{TaskKind(kind)}.json")
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Configuration(algorithm=item["algorithm"], values=item["values"]) for item in items)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"the list of candidates {path} cannot be read ({error}); reinstall autometa-ml"
        ) from error
