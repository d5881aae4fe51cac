"""Advising: from what a recommender has learned, and what was measured, to the pipelines that are shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from autometa.evaluation.protocol import Protocol
from autometa.evaluation.record import Evaluation
from autometa.recommenders.base import Recommender, measured_losses
from autometa.recommenders.calibration import REFERENCE, Calibration
from autometa.recommenders.candidates import Candidates
from autometa.recommenders.diversity import N_BEHIND, defer_shades
from autometa.recommenders.evidence import evidence_for, reasons_for
from autometa.recommenders.expecting import (
    expected_losses,
    order_candidates,
    predicted_gain,
    score_intervals,
)
from autometa.recommenders.full_size import order_at_full_size
from autometa.recommenders.recommendation import Advice
from autometa.space import Configuration
from autometa.task import Task, TaskDescription


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grounds:
    """What advice on one task is drawn from.

    Parameters
    ----------
    ranker : Recommender
        Fitted.
    description : TaskDescription
        What it knows of the task.
    priced : Candidates
        What may be advised, with its costs.
    calibration : Calibration
        How far predictions of such a recommender are off.
    is_restricted : bool
        Whether others would be advised if they were wished for, or could be built here: what is first then may be of an
        algorithm that seldom is, and of whose losses less is known.
    full_size : Recommender, optional
        Fitted on what is known `at_full_size`, where the table has more rows than losses are predicted for: it orders
        the candidates that it knows, until anything was measured on the table.
    """

    ranker: Recommender
    description: TaskDescription
    priced: Candidates = field(repr=False)
    calibration: Calibration = field(repr=False)
    is_restricted: bool = False
    full_size: Recommender | None = None

    @property
    def candidates(self) -> Sequence[Configuration]:
        """What may be advised."""
        return self.priced.configurations

    def losses(self, observed: Sequence[Evaluation]) -> npt.NDArray[np.float64]:
        """Return the loss to expect of each candidate, (n_candidates,), given what was measured on the task."""
        return expected_losses(self.ranker, self.description, self.candidates, observed, self.calibration)

    def reference_loss(self, observed: Sequence[Evaluation], losses: npt.NDArray[np.float64]) -> float:
        """Return the loss to expect of LightGBM's default, a candidate or not, where ``losses`` are expected of all."""
        if REFERENCE in self.candidates:
            return float(losses[self.candidates.index(REFERENCE)])
        both = [*self.candidates, REFERENCE]  # since what was measured of others tells of it as well
        return float(expected_losses(self.ranker, self.description, both, observed, self.calibration)[-1])

    def order(self, observed: Sequence[Evaluation], losses: npt.NDArray[np.float64], k: int) -> list[int]:
        """Return the first ``k`` candidates: diverse ones where nothing was measured, else by expected loss."""
        at_full_size = self.orderer(observed)
        if at_full_size is None:
            n = k if observed else N_BEHIND * k
            order = order_candidates(self.ranker, self.description, self.candidates, observed, losses, n)
        else:
            n = N_BEHIND * k
            order = order_at_full_size(at_full_size, self.ranker, self.description, self.candidates, observed, n)
        if observed:  # measured ones stand in the order of their results
            return order[:k]
        return defer_shades(self.ranker.experience_, self.candidates, order, k)[:k]

    def orderer(self, observed: Sequence[Evaluation]) -> Recommender | None:
        """Return what orders a large table, until anything was measured on it; else None."""
        return None if measured_losses(observed, self.ranker.experience_.metric) else self.full_size

    def order_words(self, protocol: Protocol) -> list[str]:
        """Return what the order is by, where it is not by runs under the protocol of the predicted scores."""
        if self.full_size is None:
            return []
        n_large = sum(known.n_rows > protocol.row_limit for known in self.full_size.experience_.descriptions)
        return [
            "until any is measured on this table, the order of pipelines is by what was best on more than "
            f"{protocol.row_limit} rows of {n_large} known tables, and on all rows of smaller ones"
        ]


def best_measured_first(
    order: Sequence[int], grounds: Grounds, observed: Sequence[Evaluation], losses: npt.NDArray[np.float64]
) -> list[int]:
    """Return an order with the best of all measured candidates before it, and of the same length."""
    measured = measured_losses(observed, grounds.ranker.experience_.metric)
    known = [position for position, c in enumerate(grounds.candidates) if c.key in measured]
    best = min(known, key=lambda position: (losses[position], grounds.candidates[position].key))
    return [best, *(position for position in order if position != best)][: len(order)]


def advise(
    task: Task,
    grounds: Grounds,
    observed: Sequence[Evaluation],
    order: Sequence[int],
    losses: npt.NDArray[np.float64],
    *,
    is_ranked: bool,
) -> tuple[Advice, ...]:
    """Return the advice on the candidates in ``order``, with what is to be expected of them and what speaks for them.

    Parameters
    ----------
    task : Task
        The table.
    grounds : Grounds
        What advice is drawn from.
    observed : sequence of Evaluation
        What was measured on the table.
    order : sequence of int
        Positions of candidates.
    losses : ndarray of shape (n_candidates,)
        What is expected of all.
    is_ranked : bool
        Whether the order is the recommender's; only then a gain is told of the first.
    """
    ranker, description, calibration = grounds.ranker, grounds.description, grounds.calibration
    metric = ranker.experience_.metric
    if grounds.is_restricted:
        calibration = calibration.of_algorithm(grounds.candidates[order[0]].algorithm)
    chosen = [grounds.candidates[position] for position in order]
    expected = [float(losses[position]) for position in order]
    pairs = zip(chosen, expected, strict=True)
    scores = score_intervals(metric, description, pairs, observed, calibration, is_ranked=is_ranked)
    gain = None
    if is_ranked:
        of_reference = grounds.reference_loss(observed, losses)
        gain = predicted_gain(ranker, description, (chosen[0], expected[0]), of_reference, observed, calibration)
    evidence = evidence_for(ranker, description, chosen)
    order_by = ranker.experience_ if is_ranked and not observed else None
    at_full_size = grounds.orderer(observed) if is_ranked else None
    if at_full_size is not None:
        own = evidence_for(at_full_size, description, chosen)  # none of what is not known at full size
        evidence = [runs or usual for runs, usual in zip(own, evidence, strict=True)]
        order_by = at_full_size.experience_
    reasons = reasons_for(ranker, description, chosen, observed, order_by=order_by)
    return tuple(
        Advice(
            rank=place + 1,
            configuration=configuration,
            predicted_score=scores[place][0],
            interval=scores[place][1],
            fit_seconds=float(grounds.priced.fit_seconds[order[place]]),
            memory_bytes=float(grounds.priced.memory_bytes[order[place]]),
            predict_seconds=float(grounds.priced.predict_seconds[order[place]]),
            reasons=reasons[place],
            evidence=evidence[place],
            kind=task.kind,
            column_kinds=task.column_kinds,
            gain=gain if place == 0 else None,
        )
        for place, configuration in enumerate(chosen)
    )
