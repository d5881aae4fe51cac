"""Proposing: what a refinement attempts next."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autometa._random import generator
from autometa.evaluation.record import Evaluation, Status
from autometa.metric import get_metric
from autometa.recommenders.advising import Grounds
from autometa.recommenders.recommendation import Recommendation
from autometa.refinement.attempts import SAMPLE, Attempt, Source
from autometa.refinement.nearby import draw_near
from autometa.refinement.stopping import next_to_stop, without_rounds
from autometa.space import Configuration

TURNS = (Source.RECOMMENDED, Source.NEAR, Source.RECOMMENDED, Source.SEARCHED)  # after what was advised
N_BEST = 20  # of what is expected to be best, to draw near to
_N_INCUMBENTS = 5
_N_EVIDENCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is attempted next: a configuration, or None where Optuna is to suggest one; by whom, and why.

    Of a `Source.STOPPED` one the number of rounds is yet to be found.
    """

    configuration: Configuration | None
    source: Source
    told: dict[str, Any]  # Any: JSON


class Proposer:
    """Proposes what was advised first, in its order; then by turns as in `TURNS`.

    Whenever the best so far is of boosted trees, other numbers of its rounds come first: see
    `autometa.refinement.stopping`.

    Parameters
    ----------
    grounds : Grounds
        What the advice was drawn from.
    recommendation : Recommendation
        The advice.
    seed : int
        Seed of all that is drawn.
    """

    def __init__(self, grounds: Grounds, recommendation: Recommendation, seed: int) -> None:
        self._grounds = grounds
        self._recommendation = recommendation
        self._seed = seed
        priced = grounds.priced
        self._fit_seconds = dict(zip((c.key for c in priced.configurations), priced.fit_seconds, strict=True))
        self._stopped: set[str] = set()  # of what other numbers of rounds are looked at, ended or not
        self._allowed = {each.algorithm for each in priced.configurations}

    @property
    def algorithms(self) -> set[str]:
        """The algorithms that may be tried."""
        return self._allowed

    @property
    def n_advised(self) -> int:
        """Number of advised configurations."""
        return len(self._recommendation)

    def has_advice(self, had: Collection[str]) -> bool:
        """Return whether anything was advised that is not among the keys ``had``."""
        return any(advice.configuration.key not in had for advice in self._recommendation)

    def propose(
        self,
        number: int,
        attempts: Sequence[Attempt],
        running: Collection[str],
        *,
        max_seconds: float = math.inf,
        seconds_left: float = math.inf,
    ) -> Proposal:
        """Return what to attempt as number ``number``.

        Parameters
        ----------
        number : int
            From 0.
        attempts : sequence of Attempt
            What was measured.
        running : collection of str
            Keys of what is being measured.
        max_seconds : float
            What a fit on the whole table may be predicted to take; not asked of what was advised.
        seconds_left : float
            Of the budget.
        """
        had = {each.configuration.key for each in attempts} | set(running)
        for advice in self._recommendation:
            if advice.configuration.key not in had:
                evidence = [f"{run.task}: rank {run.rank} of {run.n_tried}" for run in advice.evidence[:_N_EVIDENCE]]
                told = {"rank": advice.rank, "evidence": evidence, "reasons": list(advice.reasons)}
                return Proposal(configuration=advice.configuration, source=Source.ADVISED, told=told)
        stopped = next_to_stop(attempts, self._grounds.description.kind, seconds_left)
        looked_at = {without_rounds(each.configuration) for each in attempts if each.source is Source.STOPPED}
        if stopped is not None and without_rounds(stopped) not in looked_at | self._stopped:
            self._stopped.add(without_rounds(stopped))
            return Proposal(configuration=stopped, source=Source.STOPPED, told={})
        source = TURNS[(number - self.n_advised) % len(TURNS)]
        if source is Source.RECOMMENDED:
            pool = [c for c in self._grounds.candidates if c.key not in had and self._fit_seconds[c.key] <= max_seconds]
            if pool:
                chosen = pool[self._grounds.ranker.propose(self._grounds.description, pool, told_of(attempts))]
                return Proposal(configuration=chosen, source=source, told={})
            source = Source.NEAR
        if source is Source.NEAR:
            rng = generator(self._seed, "near", str(number))
            best = self._best(attempts, max_seconds)
            drawn = draw_near(best, self._grounds.description.kind, had, rng)
            return Proposal(configuration=drawn, source=source, told={})
        return Proposal(configuration=None, source=source, told={})

    def _best(self, attempts: Sequence[Attempt], max_seconds: float) -> list[Configuration]:
        """Return the best that was measured, in turn with what is expected to be best."""
        whole = sorted((each for each in attempts if each.is_whole), key=lambda each: (each.loss, each.number))
        measured = [each.configuration for each in whole[:_N_INCUMBENTS]]
        losses = self._grounds.losses(told_of(attempts))
        order = np.argsort(losses, kind="stable")
        candidates = [self._grounds.candidates[position] for position in order]
        expected = [c for c in candidates if self._fit_seconds[c.key] <= max_seconds] or candidates
        both = [each for pair in zip(measured, expected, strict=False) for each in pair]
        return list({each.key: each for each in (*both, *measured, *expected)}.values())[:N_BEST]


def told_of(attempts: Sequence[Attempt]) -> list[Evaluation]:
    """Return what a recommender is told: the results on the first splits, but for what time has cut short.

    Of what came no further than the sample, its losses there, times what the others' became of theirs: so they are told
    apart, and nothing is taken for worse because fewer rows were to be learned from.
    """
    ordered = sorted(attempts, key=lambda each: each.number)
    on_sample = {each.number: each.evaluations[0] for each in ordered if each.evaluations[0].protocol == SAMPLE.name}
    beyond = {each.number: each.evaluations[each.number in on_sample :] for each in ordered}
    further = {number: each[0] for number, each in beyond.items() if each}
    ratios = _loss_ratios([(on_sample[number], each) for number, each in further.items() if number in on_sample])
    if not ratios and any(each.status is Status.OK for each in on_sample.values()):
        # What failed on the sample was asked again at once, and nothing else came further: all is told of the sample.
        has_more = {number for number, each in further.items() if each.status is Status.OK}
        told = [each for number, each in on_sample.items() if number not in has_more]
        return [each for each in told if each.status is not Status.TIMED_OUT]
    protocol = next((each.protocol for each in further.values()), SAMPLE.name)
    told = [further[n] if n in further else _moved(on_sample[n], ratios, protocol) for n in beyond]
    # Other numbers of rounds are measured on the last splits alone.
    return [each for each in told if each.protocol == protocol and each.status is not Status.TIMED_OUT]


def _loss_ratios(pairs: Sequence[tuple[Evaluation, Evaluation]]) -> dict[str, float]:
    """Return of each metric the sum of the second losses of pairs over that of the first, 1 where nothing is lost."""
    names = {name for first, second in pairs for name in first.fold_scores.keys() & second.fold_scores.keys()}
    ratios = {}
    for name in names:
        both = [pair for pair in pairs if all(name in each.fold_scores for each in pair)]
        before, after = (sum(get_metric(name).loss(pair[place].score(name)) for pair in both) for place in (0, 1))
        ratios[name] = after / before if before > 0 else 1.0
    return ratios


def _moved(evaluation: Evaluation, ratios: Mapping[str, float], protocol: str) -> Evaluation:
    """Return an evaluation on the sample as one of another protocol, by which others were measured."""
    scores = {}
    for name in evaluation.fold_scores.keys() & ratios.keys():
        metric = get_metric(name)
        scores[name] = (metric.score(ratios[name] * metric.loss(evaluation.score(name))),)
    return replace(evaluation, protocol=protocol, fold_scores=scores)
