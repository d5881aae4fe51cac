"""What the meta-learners have in common as recommenders."""

import copy
import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from autometa import _array_cache
from autometa._random import spawn
from autometa.errors import OptionError, PersistenceError
from autometa.evaluation.record import Evaluation
from autometa.fewshot import keeping
from autometa.fewshot.devices import seeded
from autometa.fewshot.nets import fill
from autometa.fewshot.tasks import ContextEncoder, Floats, MetaTasks, PointEncoder, told_losses
from autometa.fewshot.training import Effort, Report
from autometa.fewshot.weights import Array
from autometa.knowledge.frames import Experience
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.base import Normalised, Recommender, measured_losses
from autometa.space import Configuration
from autometa.task import TaskDescription

if TYPE_CHECKING:
    from torch.nn import Module

FOLDER = "fewshot"  # of the user's cache
MIN_FAMILIES = 8  # below, there is too little to learn to learn from, and the average is all that is known
MIN_CONFIGURATIONS = 4
KEPT_SHARE = 0.15  # of the families, to stop by
MIN_STD = 1e-3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Support:
    """What was measured on a new task.

    Parameters
    ----------
    columns : ndarray of int, shape (S,)
        Configurations, as rows of the points; those that failed too.
    told : ndarray of shape (S,)
        See `autometa.fewshot.tasks.told_losses`.
    """

    columns: npt.NDArray[np.int64] = field(repr=False)
    told: Floats = field(repr=False)


class MetaLearner(BestOnAverage):
    """Expects costs of all configurations of a task, from its context and its support set, by a net.

    Proposes by expected improvement over the best that was measured, by the mean before the first result. Where the
    experience has too few families or configurations to learn from, it is `BestOnAverage`. What `autometa fewshot
    train`, or a `fit` before, has kept of the same experience is taken up in place of learning it again. What is
    learned from is described by all of it, those families included that training is stopped by: their loss is a little
    too good. A subclass gives `_meta_train` and `_expect`; one that can be kept in a file, `_state` and `_restore` too.

    Parameters
    ----------
    effort : Effort, optional
        How long meta-training goes on.
    """

    n_folds = 5
    effort = Effort()
    report: Report | None = None  # told after each round
    _given: Mapping[str, Array] | None = None  # to take up in place of learning
    _start: Mapping[str, Array] | None = None  # to go on learning from
    _going_on: Effort | None = None  # how long, if it does
    _is_anew = False  # whether what was kept counts for nothing

    def __init__(self, effort: Effort | None = None) -> None:
        if effort is not None:
            self.effort = effort

    def fit_anew(self, experience: Experience, seed: int = 0) -> Self:
        """Learn as `fit` does, whatever was kept."""
        self._is_anew = True
        try:
            return self.fit(experience, seed)
        finally:
            self._is_anew = False

    def state(self) -> dict[str, Array]:
        """Return what was learned, as named arrays; none where the experience is too small to learn from."""
        return self._state() if self.is_trained_ else {}

    def load_state(self, experience: Experience, arrays: Mapping[str, Array], seed: int = 0) -> Self:
        """Take up what was learned from an experience, in place of learning it again.

        Raises
        ------
        PersistenceError
            If the arrays are not those of this learner on this experience.
        """
        self._given = dict(arrays)
        try:
            return self.fit(experience, seed)
        finally:
            self._given = None

    def going_on(self, experience: Experience, effort: Effort, seed: int = 0) -> Self:
        """Return a learner that goes on from the weights of this one, on a newer experience; this one stays as it is.

        Where its nets do not fit that experience, or it keeps no weights, the new one learns from nothing.
        """
        other = copy.copy(self)
        other._start, other._going_on = (self.state(), effort) if self._can_go_on() else (None, None)
        other.fit_anew(experience, seed)
        other._start, other._going_on, other.effort = None, None, self.effort
        return other

    def remember(self, experience: Experience) -> int:
        """Let the tasks of a newer experience join a memory outside of the nets, and return how many; here, none."""
        return 0

    def costs(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
    ) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the costs of known configurations, (n_configurations,) each."""
        expected = self._expected(description, observed)
        if expected is None:
            return expected_costs(self, description, configurations, observed)
        rows = np.array([self._row_of[c.key] for c in configurations], dtype=int)
        return expected[0][rows], expected[1][rows]

    @abstractmethod
    def _meta_train(self, tasks: MetaTasks, kept: MetaTasks, seed: int) -> None:
        """Learn from tasks, and stop by those that are kept aside; torch is seeded, and on one thread."""

    @abstractmethod
    def _expect(self, context: Floats, support: Support) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of the costs of all points, (N,) each.

        Parameters
        ----------
        context : ndarray of shape (C,)
            The task before any result.
        support : Support
            What was measured on it; it may be empty.
        """

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions in ``configurations`` by expected improvement, the first ``n`` or all; unknown ones last."""
        support = self._support_of(description, observed)
        if support is None:
            return super().rank(description, configurations, observed, n)
        worth, mean = self._worth(description, support, observed)
        rows = np.array([self._row_of.get(c.key, -1) for c in configurations], dtype=int)
        worth, mean = np.where(rows >= 0, worth[rows], -np.inf), np.where(rows >= 0, mean[rows], np.inf)
        done = {evaluation.configuration.key for evaluation in observed}
        left = [position for position, c in enumerate(configurations) if c.key not in done]
        return tuple(sorted(left, key=lambda p: (-worth[p], mean[p], configurations[p].key))[:n])

    def _worth(
        self, description: TaskDescription, support: Support, observed: Sequence[Evaluation]
    ) -> tuple[Floats, Floats]:
        """Return how much all points are worth a look, and what decides between equals, the less the better: (N,)."""
        expected = self._expected(description, observed)
        if expected is None:
            raise ValueError("nothing is expected where nothing was learned")
        mean = np.round(expected[0], 6)
        return (self._gain(description, support, expected) if len(support.columns) else np.zeros_like(mean)), mean

    def _gain(self, description: TaskDescription, support: Support, expected: tuple[Floats, Floats]) -> Floats:
        """Return the expected improvement of all points over the best of a support set, (N,), from `_expected`."""
        mean, std = expected
        return expected_gain(mean[support.columns[np.argmin(support.told)]] - mean, std)

    def _learn(self, experience: Experience, seed: int) -> None:
        super()._learn(experience, seed)
        ordered = _in_order(experience)
        self.digest_, self._seed = ordered.digest, seed
        self.points_ = PointEncoder().fit(ordered)
        self.contexts_ = self._context_encoder(ordered, seed)
        self.tasks_ = MetaTasks.of(ordered, self.points_, self.contexts_)
        self._row_of = {c.key: row for row, c in enumerate(ordered.configurations)}
        self._rows = np.array([self._row_of[c.key] for c in experience.configurations], dtype=int)
        self._last: tuple[object, object, tuple[Floats, Floats]] | None = None
        n_families = len(set(self.tasks_.families))
        self.is_trained_ = n_families >= MIN_FAMILIES and experience.n_configurations >= MIN_CONFIGURATIONS
        if self.is_trained_:
            with seeded(spawn(seed, self.name, "training")):
                if not self._take_up():
                    tasks, kept = self.tasks_.split(KEPT_SHARE, spawn(seed, self.name))
                    self._meta_train(tasks, kept, seed)
                    if not self._is_anew and self._can_go_on():
                        _array_cache.keep_arrays(_array_cache.cache_folder(FOLDER), self._identity(), self._state())

    def _context_encoder(self, ordered: Experience, seed: int) -> ContextEncoder:
        """Return what gives the contexts of tasks."""
        return ContextEncoder().fit(ordered.descriptions)

    def _can_go_on(self) -> bool:
        """Return whether something was learned that another can begin with."""
        return self.is_trained_ and type(self)._state is not MetaLearner._state

    def _begin(self, net: "Module") -> None:
        """Give an untrained net what there is to go on from, if it fits; it goes on for as long as was asked then."""
        if self._start is None or self._going_on is None:
            return
        own = net.state_dict().keys()
        try:
            fill(net, {name: array for name, array in self._start.items() if name in own})
        except (KeyError, RuntimeError) as error:
            _log.info("'%s' learns from nothing, since what it knew does not fit: %s", self.name, error)
        else:
            self.effort = self._going_on

    def _state(self) -> dict[str, Array]:
        """Return what was learned, as named arrays."""
        raise OptionError(f"what '{self.name}' learns is kept in no file; choose another learner")

    def _restore(self, tasks: MetaTasks, arrays: Mapping[str, Array]) -> None:
        """Take up what was learned from tasks; ValueError, KeyError or RuntimeError where it does not fit."""
        raise KeyError(self.name)

    def _take_up(self) -> bool:
        """Return whether something to take up was given or kept, and fitted."""
        if self._given is not None:
            try:
                self._restore(self.tasks_, self._given)
            except (ValueError, KeyError, RuntimeError) as error:
                reason = str(error).splitlines()[0]
                raise PersistenceError(
                    f"these are no weights of '{self.name}' on this experience ({reason}); train it anew"
                ) from error
            return True
        if self._is_anew:
            return False
        arrays = keeping.kept_arrays(self.name, self.version, self.digest_, self._seed)
        if arrays is None:
            arrays = _array_cache.load_arrays(_array_cache.cache_folder(FOLDER), self._identity())
        if arrays is None:
            return False
        try:
            self._restore(self.tasks_, arrays)
        except (ValueError, KeyError, RuntimeError) as error:
            _log.warning("what was kept of '%s' does not fit, and is learned anew: %s", self.name, error)
            return False
        return True

    def _identity(self) -> dict[str, object]:
        """Return what is learned depends on, as JSON values."""
        effort = asdict(self.effort) | {"device": ""}  # the same everywhere, but for the last digits
        return {
            "learner": self.name,
            "version": self.version,
            "digest": self.digest_,
            "seed": self._seed,
            "effort": effort,
        }

    def _normalised(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Normalised:
        expected = self._expected(description, observed)
        if expected is None:
            return super()._normalised(description, observed)
        stretch = self.experience_.stretch
        mean, std = (stretch * each[self._rows].astype(float) for each in expected)
        return Normalised(mean, std, self.experience_.cost_overshoot)

    def _expected(self, description: TaskDescription, observed: Sequence[Evaluation]) -> tuple[Floats, Floats] | None:
        """Return mean and standard deviation of the costs of all points; kept for the last that was asked for."""
        support = self._support_of(description, observed)
        if support is None:
            return None
        asked = (support.columns.tobytes(), support.told.tobytes())
        if self._last is None or self._last[0] is not description or self._last[1] != asked:
            context = self.contexts_.transform([description])[0]
            with seeded(0):
                mean, std = self._expect(context, support)
            self._last = (description, asked, (mean, np.maximum(std, MIN_STD)))
        return self._last[2]

    def _support_of(self, description: TaskDescription, observed: Sequence[Evaluation]) -> Support | None:
        """Return what was measured of known configurations, as it is told to the net; None where there is none."""
        if not self.is_trained_:
            return None
        measured = measured_losses(observed, self.experience_.metric)
        losses = {
            self._row_of[e.configuration.key]: measured.get(e.configuration.key, np.inf)
            for e in observed
            if e.configuration.key in self._row_of
        }
        columns = np.array(sorted(losses), dtype=np.int64)
        scale = self.location_.predict(description)[1] * self.experience_.stretch
        return Support(columns=columns, told=told_losses(np.array([losses[c] for c in columns], dtype=float), scale))


def expected_costs(
    recommender: Recommender,
    description: TaskDescription,
    configurations: Sequence[Configuration],
    observed: Sequence[Evaluation] = (),
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of costs, see `Experience.costs`, (n_configurations,) each.

    Of any recommender: from normalised losses, which end at the median, and from how far beyond it they lie.
    """
    own, stretch = recommender.predict(description, configurations, observed), recommender.experience_.stretch
    beyond = np.where(own.mean > 0, own.overshoot, 1.0) / stretch
    mean, std = np.clip(own.mean * beyond, 0.0, 1.0), np.clip(own.std * beyond, MIN_STD, 1.0)
    return mean.astype(np.float32), std.astype(np.float32)


def expected_gain(below: Floats, std: Floats) -> Floats:
    """Return the expected improvement, (N,), of costs that are normal with this mean below the best and this std.

    References
    ----------
    Jones, D. R., Schonlau, M., Welch, W. J. (1998). Efficient global optimization of expensive black-box functions.
    Journal of Global Optimization 13. https://doi.org/10.1023/A:1008306431147
    """
    from scipy.special import ndtr

    z = below / std
    return np.asarray(below * ndtr(z) + std * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi), dtype=np.float32)


def _in_order(experience: Experience) -> Experience:
    """Return an experience in the order of fingerprints and keys: in another order, nets learn something else."""
    rows = np.argsort([each.fingerprint for each in experience.descriptions], kind="stable")
    columns = np.argsort([each.key for each in experience.configurations], kind="stable")
    cells = np.ix_(rows, columns)
    return replace(
        experience,
        descriptions=tuple(experience.descriptions[row] for row in rows),
        configurations=tuple(experience.configurations[column] for column in columns),
        losses=experience.losses[cells],
        fit_seconds=experience.fit_seconds[cells],
        memory_bytes=experience.memory_bytes[cells],
        predict_seconds=experience.predict_seconds[cells],
        weights=experience.weights[rows],
    )
