"""Candidates: the known configurations that can be built here and that meet what the user asks for."""

import numpy as np
import numpy.typing as npt

from autometa.errors import ConfigurationError, OptionError
from autometa.knowledge.frames import Experience
from autometa.pipelines.learners import learners_of, space_of
from autometa.recommenders.cost import FitTime
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind
from autometa.wish import Wish


def choose_candidates(
    fit_time: FitTime, experience: Experience, description: TaskDescription, wish: Wish
) -> tuple[list[Configuration], npt.NDArray[np.float64]]:
    """Return the configurations that can be built here and meet the wish, and their fit seconds."""
    here = {learner.algorithm for learner in learners_of(description.kind)}
    wanted = here if wish.allowed is None else here & wish.allowed
    candidates = [c for c in experience.configurations if c.algorithm in wanted and _fits(c, description.kind)]
    if not candidates:
        asked = ", ".join(sorted(wish.allowed or here))
        raise OptionError(f"no known candidate for a {description.kind} task among: {asked}")
    seconds = fit_time.predict(description, candidates)
    if wish.max_fit_seconds is None:
        return candidates, seconds
    is_fast = seconds <= wish.max_fit_seconds
    if not is_fast.any():
        raise OptionError(
            f"no candidate is predicted to fit within {wish.max_fit_seconds:g} s; "
            f"the fastest needs about {np.nanmin(seconds):.2g} s"
        )
    return [c for c, kept in zip(candidates, is_fast, strict=True) if kept], seconds[is_fast]


def lacking_candidates(
    fit_time: FitTime, experience: Experience, description: TaskDescription, wish: Wish
) -> list[Configuration]:
    """Return the known configurations that meet the wish, but whose library is not here."""
    algorithms = {
        learner.algorithm
        for learner in learners_of(description.kind, installed_only=False)
        if not learner.is_installed and (wish.allowed is None or learner.algorithm in wish.allowed)
    }
    lacking = [c for c in experience.configurations if c.algorithm in algorithms and _fits(c, description.kind)]
    if wish.max_fit_seconds is None or not lacking:
        return lacking
    is_fast = fit_time.predict(description, lacking) <= wish.max_fit_seconds
    return [c for c, kept in zip(lacking, is_fast, strict=True) if kept]


def _fits(configuration: Configuration, kind: TaskKind) -> bool:
    """Return whether this release can build a configuration."""
    try:
        space_of(configuration.algorithm, kind).check(configuration)
    except ConfigurationError:
        return False
    return True
