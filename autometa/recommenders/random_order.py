"""Random order: what any recommender must beat."""

from collections.abc import Sequence

from autometa._random import spawn
from autometa.evaluation.record import Evaluation
from autometa.knowledge.frames import Experience
from autometa.recommenders.average import BestOnAverage
from autometa.space import Configuration
from autometa.task import TaskDescription


class RandomOrder(BestOnAverage):
    """Ranks at random, each task in an order of its own; expected losses are those of `BestOnAverage`."""

    name = "random"

    def _learn(self, experience: Experience, seed: int) -> None:
        super()._learn(experience, seed)
        self._seed = seed

    def rank(
        self,
        description: TaskDescription,
        configurations: Sequence[Configuration],
        observed: Sequence[Evaluation] = (),
        n: int | None = None,
    ) -> tuple[int, ...]:
        """Return positions at random, those that the experience knows first; the observed ones are left out."""
        done = {evaluation.configuration.key for evaluation in observed}
        left = [position for position, c in enumerate(configurations) if c.key not in done]
        is_unknown = self._columns(configurations) < 0
        at = {p: spawn(self._seed, "random", description.fingerprint, configurations[p].key) for p in left}
        order = sorted(left, key=lambda p: (is_unknown[p], 0 if is_unknown[p] else at[p], configurations[p].key))
        return tuple(order[:n])
