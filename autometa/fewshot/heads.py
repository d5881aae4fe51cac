"""Few-shot classification over an embedding: Siamese, prototypical, matching and relation heads, by name.

Shapes: S examples of a support set, Q of a query set, W ways (classes of an episode), Z numbers of an embedding.
"""

from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autometa._random import generator, spawn
from autometa.errors import DataError, OptionError
from autometa.fewshot.devices import device_of, seeded
from autometa.fewshot.training import Effort, Trained, train

Labels = npt.NDArray[np.int64]


class Head(nn.Module):
    """Tells the classes of a query set from a support set, both embedded.

    Parameters
    ----------
    n_embedded : int
        Z.
    """

    def __init__(self, n_embedded: int) -> None:
        super().__init__()
        self.n_embedded = n_embedded

    @abstractmethod
    def forward(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Return logarithms of the classes' probabilities, (Q, W).

        Parameters
        ----------
        support : Tensor of shape (S, Z)
            Embedded examples.
        labels : Tensor of int, shape (S,)
            Their classes, 0 to W - 1, each of them at least once.
        query : Tensor of shape (Q, Z)
            What is asked for.
        """

    def loss(self, support: Tensor, labels: Tensor, query: Tensor, answers: Tensor) -> Tensor:
        """Return what an episode teaches, a scalar: by default minus the mean log probability of the answers, (Q,)."""
        return nn.functional.nll_loss(self(support, labels, query), answers)


class Siamese(Head):
    """Probability that two are of one class, by weighted absolute differences; a class by the mean over its examples.

    References
    ----------
    Koch, G., Zemel, R., Salakhutdinov, R. (2015). Siamese neural networks for one-shot image recognition. ICML deep
    learning workshop.
    """

    def __init__(self, n_embedded: int) -> None:
        super().__init__(n_embedded)
        self.raw_weight = nn.Parameter(torch.zeros(n_embedded))
        self.level = nn.Parameter(torch.tensor(2.0))

    def forward(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Return logarithms of the probabilities, (Q, W), which sum to 1 over the classes."""
        alike = torch.sigmoid(self._logits(support, query)) + 1e-9
        return torch.log_softmax(torch.log(alike @ _averaging(labels).T), dim=1)

    def loss(self, support: Tensor, labels: Tensor, query: Tensor, answers: Tensor) -> Tensor:
        """Return the binary cross-entropy of all pairs; those of one class weigh as much as those of two."""
        is_same = (answers[:, None] == labels[None, :]).float()
        share = is_same.mean()
        weight = torch.where(is_same > 0, 0.5 / share, 0.5 / (1.0 - share))
        return nn.functional.binary_cross_entropy_with_logits(self._logits(support, query), is_same, weight=weight)

    def _logits(self, support: Tensor, query: Tensor) -> Tensor:
        """Return log odds (Q, S) that a query and an example are of one class."""
        difference = (query[:, None, :] - support[None, :, :]).abs()
        return self.level - difference @ nn.functional.softplus(self.raw_weight)


class Prototypical(Head):
    """Softmax over minus the squared distances to the means of the classes.

    References
    ----------
    Snell, J., Swersky, K., Zemel, R. (2017). Prototypical networks for few-shot learning. NeurIPS 30.
    """

    def forward(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Return logarithms of the probabilities, (Q, W)."""
        means = _averaging(labels) @ support
        return torch.log_softmax(-((query[:, None, :] - means[None, :, :]) ** 2).sum(dim=-1), dim=1)


class Matching(Head):
    """Attention over the examples: a softmax over cosines, summed by class.

    References
    ----------
    Vinyals, O., Blundell, C., Lillicrap, T., Kavukcuoglu, K., Wierstra, D. (2016). Matching networks for one shot
    learning. NeurIPS 29.
    """

    def __init__(self, n_embedded: int) -> None:
        super().__init__(n_embedded)
        self.log_sharpness = nn.Parameter(torch.tensor(2.0))

    def forward(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Return logarithms of the probabilities, (Q, W)."""
        cosines = nn.functional.normalize(query, dim=1) @ nn.functional.normalize(support, dim=1).T
        attention = torch.softmax(self.log_sharpness.exp() * cosines, dim=1)
        is_of = _averaging(labels) > 0
        return torch.log(attention @ is_of.to(attention.dtype).T + 1e-9)


class Relation(Head):
    """A net that scores how a query relates to the mean of a class; it is given their differences and products.

    The original joins the two as they are; differences and products do not care which comes first, and are learned
    from fewer classes.

    References
    ----------
    Sung, F., Yang, Y., Zhang, L., Xiang, T., Torr, P. H. S., Hospedales, T. M. (2018). Learning to compare: relation
    network for few-shot learning. CVPR.
    """

    def __init__(self, n_embedded: int) -> None:
        super().__init__(n_embedded)
        self.score = nn.Sequential(nn.Linear(2 * n_embedded, n_embedded), nn.ReLU(), nn.Linear(n_embedded, 1))

    def forward(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Return logarithms of the probabilities, (Q, W)."""
        means = (_averaging(labels) @ support)[None, :, :]
        asked = query[:, None, :]
        related = self.score(torch.cat([(asked - means).abs(), asked * means], dim=-1)).squeeze(-1)
        return torch.log_softmax(related, dim=1)


HEADS: dict[str, type[Head]] = {
    "siamese": Siamese,
    "prototypical": Prototypical,
    "matching": Matching,
    "relation": Relation,
}


def head_named(name: str, n_embedded: int) -> Head:
    """Return a new head.

    Raises
    ------
    OptionError
        If there is none of that name.
    """
    if name not in HEADS:
        raise OptionError(f"no head '{name}'; choose one of: {', '.join(HEADS)}")
    return HEADS[name](n_embedded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The size of an episode.

    Parameters
    ----------
    n_ways : int
        W, at least 2.
    n_shots : int
        Examples of each class in the support set.
    n_queries : int
        Of each class, asked for.

    Raises
    ------
    OptionError
        If a number is too small.
    """

    n_ways: int = 5
    n_shots: int = 1
    n_queries: int = 5

    def __post_init__(self) -> None:
        if self.n_ways < 2 or min(self.n_shots, self.n_queries) < 1:
            raise OptionError(f"an episode has two ways and an example of each, at least; got {self}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Classes:
    """Examples to draw episodes from.

    Parameters
    ----------
    examples : Tensor of shape (n, ...)
        What the embedding reads.
    labels : ndarray of int, shape (n,)
        Their classes.
    """

    examples: Tensor = field(repr=False)
    labels: Labels = field(repr=False)

    def draw(self, ways: Ways, rng: np.random.Generator) -> tuple[Labels, Labels]:
        """Return positions of a support set and of a query set, (W x shots,) and (W x queries,), class after class.

        Raises
        ------
        DataError
            If too few classes have enough examples.
        """
        n_each = ways.n_shots + ways.n_queries
        names, counts = np.unique(self.labels, return_counts=True)
        names = names[counts >= n_each]
        if len(names) < ways.n_ways:
            raise DataError(f"{len(names)} classes have {n_each} examples; an episode needs {ways.n_ways}")
        support, query = [], []
        for name in rng.choice(names, size=ways.n_ways, replace=False):
            drawn = rng.choice(np.flatnonzero(self.labels == name), size=n_each, replace=False)
            support.append(drawn[: ways.n_shots])
            query.append(drawn[ways.n_shots :])
        return np.concatenate(support), np.concatenate(query)


class FewShotClassifier(nn.Module):
    """An embedding net and a head, trained on episodes of some classes for use on others.

    Parameters
    ----------
    embed : Module
        Takes (n, ...) to (n, Z).
    head : Head
        See `HEADS`.

    Examples
    --------
    >>> classifier = FewShotClassifier(nn.Identity(), head_named("prototypical", 2))
    >>> support, query = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.1, 0.2], [0.8, 0.9]])
    >>> classifier(support, torch.tensor([0, 1]), query).argmax(dim=1).tolist()
    [0, 1]
    """

    def __init__(self, embed: nn.Module, head: Head) -> None:
        super().__init__()
        self.embed = embed
        self.head = head

    def forward(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Return logarithms of the probabilities (Q, W) of the classes of a query set; as of `Head`, not embedded."""
        log_probabilities: Tensor = self.head(self.embed(support), labels, self.embed(query))
        return log_probabilities

    def fit(self, learned: Classes, kept: Classes, ways: Ways, *, effort: Effort, seed: int = 0) -> Trained:
        """Train on episodes of some classes, and stop by episodes of others, or of other examples."""
        rng = generator(seed, "heads", "episodes")
        device = device_of(effort.device)
        self.to(device)

        def step_loss() -> Tensor:
            losses = [self._loss(learned, ways, rng) for _ in range(effort.n_episodes)]
            return torch.stack(losses).mean()

        def kept_loss() -> float:
            return 1.0 - float(accuracies(self, kept, ways, n_episodes=50, seed=seed).mean())

        with seeded(spawn(seed, "heads", "training")):
            return train(self, step_loss, kept_loss, effort)

    def _loss(self, classes: Classes, ways: Ways, rng: np.random.Generator) -> Tensor:
        """Return the loss on a drawn episode."""
        support, labels, query, answers = self.episode(classes, ways, rng)
        return self.head.loss(self.embed(support), labels, self.embed(query), answers)

    def episode(self, classes: Classes, ways: Ways, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return a drawn episode on the device of the weights: support, labels, query, answers."""
        rows, asked = classes.draw(ways, rng)
        device = next((each.device for each in self.parameters()), torch.device("cpu"))
        labels = torch.arange(ways.n_ways).repeat_interleave(ways.n_shots)
        answers = torch.arange(ways.n_ways).repeat_interleave(ways.n_queries)
        support, query = classes.examples[rows], classes.examples[asked]
        return support.to(device), labels.to(device), query.to(device), answers.to(device)


def accuracies(
    classifier: FewShotClassifier, classes: Classes, ways: Ways, *, n_episodes: int, seed: int = 0
) -> npt.NDArray[np.float64]:
    """Return the share of right answers in each of some drawn episodes, (n_episodes,)."""
    rng = generator(seed, "heads", "judging")
    found = np.zeros(n_episodes)
    with torch.no_grad():
        for number in range(n_episodes):
            support, labels, query, answers = classifier.episode(classes, ways, rng)
            right = classifier(support, labels, query).argmax(dim=1) == answers
            found[number] = float(right.float().mean())
    return found


def interval(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of the 95 % interval of the mean of independent values, (n,)."""
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _averaging(labels: Tensor) -> Tensor:
    """Return the matrix (W, S) that takes examples to the means of their classes."""
    is_of = (labels[None, :] == torch.arange(int(labels.max()) + 1, device=labels.device)[:, None]).float()
    return is_of / is_of.sum(dim=1, keepdim=True)
