"""Recommenders that adapt a net by gradient steps on what was measured: MAML, its first order, Reptile; and no step."""

from collections.abc import Mapping
from typing import ClassVar

import torch

from autometa._random import generator
from autometa.fewshot.adapting import Adaptable, Data, LearnedRates, Rule, descend, pulled
from autometa.fewshot.devices import device_of
from autometa.fewshot.nets import arrays_of, fill
from autometa.fewshot.predicting import (
    LAST_LAYERS,
    CostNet,
    Known,
    Residuals,
    cost_loss,
    drawn,
    drawn_for_residuals,
    mean_loss,
    measured,
    told_loss,
)
from autometa.fewshot.recommender import MetaLearner, Support
from autometa.fewshot.tasks import ContextEncoder, Episodes, Floats, MetaTasks
from autometa.fewshot.training import Effort, Trained, train
from autometa.fewshot.trend import TrendEncoder
from autometa.fewshot.weights import Array
from autometa.knowledge.frames import Experience
from autometa.recommenders.proximity import Proximity

_CONTEXT_DROPOUT = 0.3


class GradientLearner(MetaLearner):
    """Expects costs by a net that is adapted to what was measured; a subclass says how, and what is learned from.

    Uncertainty is what is left of the variance of a configuration over tasks, on families kept aside, after as many
    runs.

    Attributes
    ----------
    n_inner : int
        Steps of adaptation.
    is_first_order : bool
        Whether the slope of a step is left out of the slope of what comes after it.
    adapted : tuple of str
        Beginnings of the names of the parameters that are adapted.
    """

    effort = Effort(n_rounds=5, n_steps=30, patience=2, learning_rate=2e-3, n_episodes=24)
    n_inner: ClassVar[int] = 6
    is_first_order: ClassVar[bool] = False
    adapted: ClassVar[tuple[str, ...]] = ("",)

    def _rule(self, n_parameters: int) -> Rule:
        """Return how a step follows from a gradient."""
        return LearnedRates(n_parameters, 0.04, is_learned=True)

    def _starts(self) -> torch.Tensor:
        """Return where the nets of a task start, (M, P)."""
        return self.net_.start[None]

    def _outputs(self, support: Data, points: torch.Tensor, contexts: torch.Tensor) -> torch.Tensor:
        """Return what costs of points (B, Q, D) are above the usual ones, by each of M adapted nets: (M, B, Q).

        Before any result they are, on average over the nets, the usual ones: what counts is how far the outputs move.
        """
        starts = self._starts()
        n_nets, n_tasks = len(starts), len(points)
        inputs, asked = self._inputs(*support[:2]), self._inputs(points, contexts)
        usual, told, is_told = support[2:]
        shift, level = (self.net_.all_outputs(starts, *each).mean(dim=0) for each in (inputs, asked))
        from_told = tuple(each.repeat_interleave(n_nets, 0) for each in (*inputs, usual - shift, told, is_told))
        ended = descend(
            lambda at: self.net_.losses(at, told_loss, from_told),
            starts.repeat(n_tasks, 1),  # (B * M, P)
            self.rule_,
            self.n_inner,
            is_first_order=self.is_first_order,
        )
        outputs = self.net_.outputs(ended, *(each.repeat_interleave(n_nets, 0) for each in asked))
        return outputs.reshape(n_tasks, n_nets, -1).transpose(0, 1) - level

    def _inputs(self, points: torch.Tensor, contexts: torch.Tensor) -> Data:
        """Return what the net takes of points (B, Q, D): features too where they are the same after every step."""
        if self.adapted != LAST_LAYERS:
            return points, contexts
        return points, contexts, self.cost_net_.features(points, contexts)

    def _loss(self, support: Data, query: Data) -> torch.Tensor:
        """Return how far off costs are, (B,)."""
        points, contexts, usual, costs, is_asked = query
        return mean_loss(usual + self._outputs(support, points, contexts).mean(dim=0), costs, is_asked)

    def _step_loss(self, support: Data, query: Data) -> torch.Tensor:
        """Return what training goes downhill on, a scalar."""
        return self._loss(support, query).mean()

    def _kept_loss(self, support: Data, query: Data) -> float:
        """Return the loss by which training stops."""
        with torch.no_grad():
            return float(self._loss(support, query).mean())

    def _context_encoder(self, ordered: Experience, seed: int) -> ContextEncoder:
        return TrendEncoder(ordered, Proximity().fit(ordered, seed)).fit(ordered.descriptions)

    def _build(self, tasks: MetaTasks) -> None:
        """Make what has not learned yet."""
        device = device_of(self.effort.device)
        self.known_ = Known.of(tasks, device)
        self.cost_net_ = CostNet(tasks.points.shape[1], tasks.contexts.shape[1] - len(tasks.points) + 1)
        self.net_ = Adaptable(self.cost_net_, self.adapted).to(device)
        self.rule_ = self._rule(self.net_.n_parameters).to(device)
        self.learning_ = torch.nn.ModuleList([self.net_, self.rule_])

    def _state(self) -> dict[str, Array]:
        return arrays_of(self.learning_) | self.residuals_.arrays(self.known_)

    def _restore(self, tasks: MetaTasks, arrays: Mapping[str, Array]) -> None:
        self._build(tasks)
        left = dict(arrays)
        self.residuals_ = Residuals(shares=left.pop("shares"))
        self.known_ = self.known_.with_arrays(left.pop("variance"), left.pop("apart"))
        fill(self.learning_, left)
        self.learning_.eval()

    def _meta_train(self, tasks: MetaTasks, kept: MetaTasks, seed: int) -> None:
        self._build(tasks)
        self._begin(self.learning_)
        rng = generator(seed, self.name, "episodes")
        aside = drawn_for_residuals(kept, generator(seed, self.name, "aside"), self.effort.n_episodes)
        kept_data = self.known_.data_of(aside)

        def step_loss() -> torch.Tensor:
            support, query = self.known_.data_of(drawn(tasks, rng, self.effort.n_episodes))
            return self._step_loss(_with_gaps(support), _with_gaps(query))

        self.trained_: Trained = train(
            self.learning_, step_loss, lambda: self._kept_loss(*kept_data), self.effort, self.report
        )
        self.residuals_ = self._residuals(aside, *kept_data)

    def _residuals(self, aside: Episodes, support: Data, query: Data) -> Residuals:
        """Return how far expected costs are off on what was kept aside."""
        points, contexts, usual, costs, is_asked = query
        with torch.no_grad():
            outputs = self._outputs(support, points, contexts)
            off = usual + outputs.mean(dim=0) - costs
            n_asked, is_told = is_asked.sum(dim=1, keepdim=True).clamp(min=1.0), support[-1]
            # What is compared with a result is off by what it is more, or less, than the others.
            has_any = is_told.amax(dim=1, keepdim=True)
            off = off - has_any * (is_asked * off).sum(dim=1, keepdim=True) / n_asked
            left = off**2 - outputs.var(dim=0, correction=0)
            places = (torch.as_tensor(each, device=left.device) for each in (aside.support, aside.query))
            columns, asked = places
            doubt = self.known_.doubt(columns, is_told).gather(1, asked)
            shares = (is_asked * left).sum(dim=1) / (is_asked * doubt).sum(dim=1).clamp(min=1e-6)
        return Residuals.of(aside.is_told.sum(axis=1), shares.cpu().double().numpy())

    def _expect(self, context: Floats, support: Support) -> tuple[Floats, Floats]:
        with torch.no_grad():
            data = self.known_.data_told(context, support)
            outputs = self._outputs(data, self.known_.points[None], data[1])[:, 0]
            usual = self.known_.parted(context[None])[0][0]
            doubt = self.known_.doubt(self.known_.places(support), data[-1])[0]
        left = doubt * self.residuals_.share(len(support.columns))
        return measured(usual + outputs.mean(dim=0), left + outputs.var(dim=0, correction=0), support.columns, data)


def _with_gaps(data: Data) -> Data:
    """Return data without some numbers of each context, drawn: nothing is learned of one number alone."""
    points, context, *others = data
    return (points, torch.nn.functional.dropout(context, _CONTEXT_DROPOUT), *others)


class Joint(GradientLearner):
    """A net that is trained on all tasks and adapts to none, whatever the results: what adaptation is compared with.

    Examples
    --------
    >>> Joint().name
    'joint'
    """

    name = "joint"

    def _outputs(self, support: Data, points: torch.Tensor, contexts: torch.Tensor) -> torch.Tensor:
        return self.net_.outputs(self._starts().repeat(len(points), 1), points, contexts)[None]


class Maml(GradientLearner):
    """MAML: a start, and rates, from which few gradient steps on what was measured lead to what is right of the rest.

    The rates, one for each parameter, are learned together with the start, as in Meta-SGD; MAML has one that is given.

    References
    ----------
    Finn, C., Abbeel, P., Levine, S. (2017). Model-agnostic meta-learning for fast adaptation of deep networks. ICML.
    https://doi.org/10.48550/arXiv.1703.03400
    Li, Z., Zhou, F., Chen, F., Li, H. (2017). Meta-SGD: Learning to learn quickly for few-shot learning.
    https://doi.org/10.48550/arXiv.1707.09835

    Examples
    --------
    >>> Maml().name
    'maml'
    """

    name = "maml"


class FirstOrderMaml(Maml):
    """MAML without the slope of its steps: as if where a gradient was measured did not matter; rates as of `Maml`.

    References
    ----------
    Finn, C., Abbeel, P., Levine, S. (2017), section 5.2. https://doi.org/10.48550/arXiv.1703.03400

    Examples
    --------
    >>> FirstOrderMaml().name
    'fomaml'
    """

    name = "fomaml"
    is_first_order = True


class Reptile(GradientLearner):
    """Reptile: a start that is drawn towards where gradient steps on each task lead, with many runs told.

    References
    ----------
    Nichol, A., Achiam, J., Schulman, J. (2018). On first-order meta-learning algorithms.
    https://doi.org/10.48550/arXiv.1803.02999

    Examples
    --------
    >>> Reptile().name
    'reptile'
    """

    name = "reptile"
    effort = Effort(n_rounds=5, n_steps=30, patience=2, learning_rate=5e-4, n_episodes=24)
    is_first_order = True

    def _rule(self, n_parameters: int) -> Rule:
        return LearnedRates(n_parameters, 0.04)

    def _step_loss(self, support: Data, query: Data) -> torch.Tensor:
        with torch.no_grad():
            ended = self.net_.adapt(self.rule_, cost_loss, query, self.n_inner, is_first_order=True)
        return pulled(self.net_.start, ended)
