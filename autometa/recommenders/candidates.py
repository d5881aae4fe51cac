"""Candidates: the known configurations that can be built here and that meet what the user asks for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from autometa._sizes import size_words
from autometa.errors import ConfigurationError, OptionError
from autometa.evaluation.protocol import Protocol
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.metric import Metric
from autometa.pipelines.learners import LEARNERS, learners_of, space_of
from autometa.recommenders.base import measured_losses
from autometa.recommenders.cost import FitTime, PeakMemory, PredictTime
from autometa.space import Configuration
from autometa.task import TaskDescription
from autometa.task_kind import TaskKind
from autometa.wish import Wish


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Configurations and what they are predicted to take on one task.

    Parameters
    ----------
    configurations : sequence of Configuration
        That may be advised.
    fit_seconds, memory_bytes : ndarray of shape (n_configurations,)
        CPU seconds, and peak memory, of a fit on the whole table; NaN = unknown.
    predict_seconds : ndarray of shape (n_configurations,)
        CPU seconds of predicting as many rows as the table has; NaN = unknown.
    """

    configurations: Sequence[Configuration]
    fit_seconds: npt.NDArray[np.float64] = field(repr=False)
    memory_bytes: npt.NDArray[np.float64] = field(repr=False)
    predict_seconds: npt.NDArray[np.float64] = field(repr=False)

    def kept(self, is_kept: npt.NDArray[np.bool_]) -> Self:
        """Return those that are marked."""
        return replace(
            self,
            configurations=[c for c, kept in zip(self.configurations, is_kept, strict=True) if kept],
            fit_seconds=self.fit_seconds[is_kept],
            memory_bytes=self.memory_bytes[is_kept],
            predict_seconds=self.predict_seconds[is_kept],
        )


class Chooser:
    """Chooses candidates for tasks, by what is known of their costs.

    Parameters
    ----------
    known : sequence of Configuration
        What there are past runs of.
    runs : mapping of Protocol to Experience
        Runs from which costs are learned, of several protocols: large tables are measured on more rows by some.
    speed : float
        How many times as fast as those that measured them this machine is.
    """

    def __init__(
        self, known: Sequence[Configuration], runs: Mapping[Protocol, Experience], *, speed: float = 1.0
    ) -> None:
        self.known = known
        self.speed = speed
        self.fit_time = FitTime().fit(runs)
        self.peak_memory = PeakMemory().fit(runs)
        self.predict_time = PredictTime().fit(runs)

    def choose(self, description: TaskDescription, wish: Wish) -> Candidates:
        """Return the known configurations that can be built here and meet the wish.

        Algorithms that cannot be fitted on so many rows in reasonable time are left out, unless no others are wanted.

        Raises
        ------
        OptionError
            If there is none.
        """
        here = {learner.algorithm for learner in learners_of(description.kind)}
        wanted = here if wish.allowed is None else here & wish.allowed
        # What was measured on a sample of a large table says little of a fit on all of it, where that grows fast.
        wanted = {name for name in wanted if LEARNERS[name].takes(description.n_rows)} or wanted
        found = self._priced(description, wanted)
        if not found.configurations:
            asked = ", ".join(sorted(wish.allowed or here))
            raise OptionError(f"no known candidate for a {description.kind} task among: {asked}")
        is_fast, is_small = _within(found, wish)
        if not is_fast.any():
            raise _none_within(f"{wish.max_fit_seconds:g} s", "fastest", found.fit_seconds, "{:.2g} s".format)
        if not is_small.any():
            raise _none_within(size_words(wish.max_memory_bytes or 0), "smallest", found.memory_bytes, size_words)
        if not (is_fast & is_small).any():
            raise OptionError(
                f"no candidate is predicted to fit within both {wish.max_fit_seconds:g} s and "
                f"{size_words(wish.max_memory_bytes or 0)}; allow more of one"
            )
        return found.kept(is_fast & is_small)

    def lacking(self, description: TaskDescription, wish: Wish) -> list[Configuration]:
        """Return the known configurations that meet the wish, but whose library is not here."""
        algorithms = {
            learner.algorithm
            for learner in learners_of(description.kind, installed_only=False)
            if not learner.is_installed and (wish.allowed is None or learner.algorithm in wish.allowed)
        }
        found = self._priced(description, algorithms)
        is_fast, is_small = _within(found, wish)
        return list(found.kept(is_fast & is_small).configurations)

    def _priced(self, description: TaskDescription, algorithms: Collection[str]) -> Candidates:
        """Return the known configurations of some algorithms that this release can build, with their costs."""
        known = [c for c in self.known if c.algorithm in algorithms and _fits(c, description.kind)]
        return Candidates(
            configurations=known,
            fit_seconds=self.fit_time.predict(description, known) / self.speed,
            memory_bytes=self.peak_memory.predict(description, known),
            predict_seconds=self.predict_time.predict(description, known) / self.speed,
        )


def check_any_left(candidates: Sequence[Configuration], observed: Sequence[Evaluation], metric: Metric) -> None:
    """Raise OptionError if every candidate was measured on the table itself, and has no score."""
    failed = {each.configuration.key for each in observed} - measured_losses(observed, metric).keys()
    if all(each.key in failed for each in candidates):
        raise OptionError(
            f"all candidates that meet the wish, {len(candidates)}, failed on this table when they were measured; "
            "allow other algorithms"
        )


def _none_within(limit: str, first: str, costs: npt.NDArray[np.float64], words: Callable[[float], str]) -> OptionError:
    """Return the error that no candidate keeps to a limit, with what the first of them by this cost takes."""
    known = costs[np.isfinite(costs)]
    least = f"the {first} needs about {words(float(known.min()))}" if len(known) else "what they take is not known"
    return OptionError(f"no candidate is predicted to fit within {limit}; {least}")


def _within(found: Candidates, wish: Wish) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which are fast enough and which small enough; what is unknown is neither where there is a limit."""
    everything = np.ones(len(found.configurations), dtype=bool)
    is_fast = everything if wish.max_fit_seconds is None else found.fit_seconds <= wish.max_fit_seconds
    is_small = everything if wish.max_memory_bytes is None else found.memory_bytes <= wish.max_memory_bytes
    return is_fast, is_small


def _fits(configuration: Configuration, kind: TaskKind) -> bool:
    """Return whether this release can build a configuration."""
    try:
        space_of(configuration.algorithm, kind).check(configuration)
    except ConfigurationError:
        return False
    return True
