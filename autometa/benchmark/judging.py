"""Judging the first advice: does it beat what people take out of habit, and does its interval hold?"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from autometa.benchmark.replay import Method, hidden_rows, splits
from autometa.knowledge.frames import Experience
from autometa.probing import DEFAULTS
from autometa.recommenders.base import Recommender
from autometa.recommenders.calibration import REFERENCE, Calibration, calibrate
from autometa.recommenders.expecting import expected_losses, predicted_gain, score_intervals
from autometa.space import Configuration

# (fingerprint, configuration key) -> losses of the folds, (n_folds,); all folds are the same for all configurations.
FoldLosses = Mapping[tuple[str, str], np.ndarray]


class Outcome(StrEnum):
    """How the first advice compares with a library's default."""

    BETTER = "better"
    TIE = "tie"
    WORSE = "worse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the first advice on one hidden task.

    Parameters
    ----------
    fingerprint, family : str
        The task.
    advised : Configuration
        The first advice.
    is_held : bool or None
        Whether its score lies in its 80 % interval; None if it failed.
    is_flattered : bool or None
        Whether its score is worse than the predicted one; None if it failed.
    is_gain_held : bool or None
        Whether its gain over LightGBM's default lies in its 80 % interval; None where no gain was predicted.
    outcomes : mapping of str to Outcome
        Against each of `DEFAULTS` that was measured there.
    probed : mapping of str to Outcome
        The same for the best of the first advice and the defaults, as `chosen_by_others` has it: what a probe gives.
    """

    fingerprint: str
    family: str
    advised: Configuration
    is_held: bool | None
    is_flattered: bool | None
    is_gain_held: bool | None
    outcomes: Mapping[str, Outcome]
    probed: Mapping[str, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of tasks, with the 95 % interval by Wilson.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22.
    https://doi.org/10.1080/01621459.1927.10502953
    """

    n: int
    n_of: int

    @property
    def value(self) -> float:
        """The share itself; NaN of no tasks."""
        return self.n / self.n_of if self.n_of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end; (0, 1) of no tasks."""
        from scipy.stats import binomtest

        if self.n_of == 0:
            return 0.0, 1.0
        ends = binomtest(self.n, self.n_of).proportion_ci(0.95, method="wilson")
        return float(ends.low), float(ends.high)


def judge(  # noqa: PLR0913 - what is judged, on what, and what goes on meanwhile
    experience: Experience,
    folds: FoldLosses,
    method: Method,
    *,
    families: Collection[str] | None = None,
    algorithms: Collection[str] | None = None,
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> list[Verdict]:
    """Return a verdict on each hidden task; what learns, intervals too, sees no task of a hidden family.

    Parameters
    ----------
    experience : Experience
        All that is stored of a kind.
    folds : mapping
        Losses of the folds of what is compared; without those of a pair, the means are compared and there are no ties
        but of equal ones.
    method : Method
        The recommender, and in how many folds of families it is fitted.
    families : collection of str, optional
        Only tasks of these are hidden. Default: all.
    algorithms : collection of str, optional
        What may be advised; tasks on which none of it was tried are left out. Default: all.
    seed : int
        Of all that is drawn.
    report : callable, optional
        Called with (tasks done, of how many).

    Raises
    ------
    DataError
        If there is no task to hide, or nothing is left to learn from.
    """
    rows = hidden_rows(experience, families)
    is_allowed = np.array([algorithms is None or each.algorithm in algorithms for each in experience.configurations])
    rows = rows[experience.is_tried[rows][:, is_allowed].any(axis=1)]
    verdicts: list[Verdict] = []
    for hidden, own in splits(experience, rows.tolist(), method.n_folds):
        known = experience.without(hidden)
        recommender = method.make().fit_anew(known, seed)
        calibration = calibrate(method.make, known, seed)
        for row in own:
            columns = np.flatnonzero(experience.is_tried[row] & is_allowed)
            verdict = _verdict(recommender, calibration, experience, row, columns, folds)
            verdicts.append(verdict)
            if report is not None:
                report(len(verdicts), len(rows))
    return verdicts


def share_of(outcome: Outcome, default: str, verdicts: Sequence[Verdict], *, with_probe: bool = False) -> Share:
    """Return on how many tasks the first advice came out so against a default, of those where it was measured."""
    all_outcomes = [verdict.probed if with_probe else verdict.outcomes for verdict in verdicts]
    outcomes = [each[default] for each in all_outcomes if default in each]
    return Share(n=sum(each is outcome for each in outcomes), n_of=len(outcomes))


def coverage_of(verdicts: Sequence[Verdict], *, of_gains: bool = False) -> Share:
    """Return on how many tasks the interval of the score, or of the gain, held."""
    held = [verdict.is_gain_held if of_gains else verdict.is_held for verdict in verdicts]
    return Share(n=sum(each is True for each in held), n_of=sum(each is not None for each in held))


def flattered_of(verdicts: Sequence[Verdict]) -> Share:
    """Return on how many tasks the score was worse than predicted: half of them if predictions are good."""
    return Share(
        n=sum(verdict.is_flattered is True for verdict in verdicts),
        n_of=sum(verdict.is_flattered is not None for verdict in verdicts),
    )


def outcome(advised: np.ndarray | float, default: np.ndarray | float) -> Outcome:
    """Return how losses compare: of folds, (n_folds,), or means, inf where it failed.

    A tie: the mean difference is within one standard error of the differences of the folds.
    """
    if not (np.isfinite(advised).all() and np.isfinite(default).all()):
        gain = float(np.mean(default)) - float(np.mean(advised)) if np.isfinite(advised).all() else -np.inf
        return Outcome.BETTER if gain > 0 else Outcome.TIE if not np.isfinite(default).all() else Outcome.WORSE
    gains = np.atleast_1d(np.asarray(default) - np.asarray(advised))
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0
    if abs(gains.mean()) <= error:
        return Outcome.TIE
    return Outcome.BETTER if gains.mean() > 0 else Outcome.WORSE


def chosen_by_others(losses: Sequence[np.ndarray]) -> np.ndarray:
    """Return on each fold the loss of what is best on all other folds, (n_folds,).

    So that a choice is not judged by what it was made from. Of equal ones the first is taken.

    Parameters
    ----------
    losses : sequence of ndarray of shape (n_folds,)
        Of each that may be chosen; at least two folds.
    """
    table = np.vstack(losses)
    others = table.sum(axis=1, keepdims=True) - table
    return np.asarray(np.take_along_axis(table, others.argmin(axis=0)[None, :], axis=0)[0])


def _verdict(
    recommender: Recommender,
    calibration: Calibration,
    experience: Experience,
    row: int,
    columns: np.ndarray,
    folds: FoldLosses,
) -> Verdict:
    """Return the verdict on one hidden task, of which what stands in some columns may be advised."""
    description, metric = experience.descriptions[row], experience.metric
    is_tried = experience.is_tried[row]
    candidates = [experience.configurations[column] for column in columns]
    first = recommender.propose(description, candidates)
    advised, loss = candidates[first], float(experience.losses[row, columns[first]])
    if len(columns) < is_tried.sum():
        calibration = calibration.of_algorithm(advised.algorithm)
    expected, of_reference = expected_losses(recommender, description, [advised, REFERENCE], (), calibration).tolist()
    told = score_intervals(metric, description, [(advised, expected)], (), calibration, is_ranked=True)
    low, high = told[0][1]
    gain = predicted_gain(recommender, description, (advised, expected), of_reference, (), calibration)
    own = folds.get((description.fingerprint, advised.key))
    outcomes, of_defaults = {}, {}
    for name, default in DEFAULTS.items():
        column = experience.position_of.get(default.key, -1)
        if column >= 0 and is_tried[column]:
            theirs = folds.get((description.fingerprint, default.key))
            means = (loss, float(experience.losses[row, column]))
            outcomes[name] = outcome(*(means if own is None or theirs is None else (own, theirs)))
            if theirs is not None:
                of_defaults[name] = theirs
    probed = {}
    if own is not None and len(own) > 1 and of_defaults.keys() == outcomes.keys():
        chosen = chosen_by_others([own, *of_defaults.values()])
        probed = {name: outcome(chosen, theirs) for name, theirs in of_defaults.items()}
    reference = experience.position_of.get(DEFAULTS["lightgbm"].key, -1)
    is_gain_held = None
    if gain is not None and is_tried[reference] and np.isfinite([loss, experience.losses[row, reference]]).all():
        is_gain_held = gain.interval[0] <= experience.losses[row, reference] - loss <= gain.interval[1]
    return Verdict(
        fingerprint=description.fingerprint,
        family=description.family,
        advised=advised,
        is_held=bool(low <= metric.score(loss) <= high) if np.isfinite(loss) else None,
        is_flattered=loss > expected if np.isfinite(loss) else None,
        is_gain_held=None if is_gain_held is None else bool(is_gain_held),
        outcomes=outcomes,
        probed=probed,
    )
