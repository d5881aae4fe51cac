"""Few-shot heads: by hand, and on digits that were held out: 5 ways, 1 and 5 shots."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from autometa.errors import DataError, OptionError
from autometa.fewshot.devices import seeded
from autometa.fewshot.heads import HEADS, Classes, FewShotClassifier, Ways, accuracies, head_named, interval
from autometa.fewshot.training import Effort

EFFORT = Effort(n_rounds=4, n_steps=30, patience=4, learning_rate=3e-3, n_episodes=1)
Fitted = Callable[[str], FewShotClassifier]


class Pixels(nn.Module):
    """The pixels themselves, and what a net adds to them."""

    def __init__(self) -> None:
        super().__init__()
        last = nn.Linear(64, 64)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.added = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), last)

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, 64) for images (n, 8, 8)."""
        pixels = images.flatten(1) - 0.3
        embedded: Tensor = pixels + self.added(pixels)
        return embedded


def digits() -> tuple[Classes, Classes]:
    """Return the digits 0 to 4, turned and mirrored as if these were other classes, and the digits 5 to 9."""
    images, target = load_digits(return_X_y=True)
    pictures = torch.as_tensor(images.reshape(-1, 8, 8) / 16.0, dtype=torch.float32)
    is_low = target < 5
    low, labels = pictures[torch.as_tensor(is_low)], target[is_low]
    turned = [torch.rot90(part, n, (1, 2)) for part in (low, low.flip(2)) for n in range(4)]
    names = np.concatenate([labels + 10 * n for n in range(len(turned))])
    held_out = Classes(examples=pictures[torch.as_tensor(~is_low)], labels=target[~is_low])
    return Classes(examples=torch.cat(turned), labels=names), held_out


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """A function that gives a classifier with a head by its name, trained once."""
    learned, _ = digits()
    made: dict[str, FewShotClassifier] = {}

    def fit(name: str) -> FewShotClassifier:
        if name not in made:
            with seeded(0):
                made[name] = FewShotClassifier(Pixels(), head_named(name, 64))
            made[name].fit(learned, learned, Ways(n_ways=10, n_shots=3), effort=EFFORT)
        return made[name]

    return fit


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(("n_shots", "least"), [(1, 0.6), (5, 0.8)])
def test_digits_that_were_never_seen_are_told_apart(fitted: Fitted, name: str, n_shots: int, least: float) -> None:
    found = accuracies(fitted(name), digits()[1], Ways(n_ways=5, n_shots=n_shots), n_episodes=100)
    low, high = interval(found)
    assert low > least, f"{found.mean():.3f} ({low:.3f} to {high:.3f}); chance is 0.2"
    assert high - low < 0.06


def test_training_teaches_the_relation_what_is_alike(fitted: Fitted) -> None:
    with seeded(0):
        untrained = FewShotClassifier(Pixels(), head_named("relation", 64))
    low, _ = interval(accuracies(fitted("relation"), digits()[1], Ways(), n_episodes=100))
    assert accuracies(untrained, digits()[1], Ways(), n_episodes=100).mean() < low


@pytest.mark.parametrize("name", HEADS)
def test_probabilities_sum_to_one_and_follow_the_classes(name: str) -> None:
    with seeded(0):
        head = head_named(name, 3)
        support, query = torch.randn(6, 3), torch.randn(4, 3)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    with torch.no_grad():
        found = head(support, labels, query)
        turned = head(support.flip(0), labels.flip(0), query)
    assert found.shape == (4, 3)
    assert found.exp().sum(dim=1).numpy() == pytest.approx(np.ones(4), abs=1e-5)
    assert turned.numpy() == pytest.approx(found.numpy(), abs=1e-5)


def test_prototypes_are_the_means_of_classes() -> None:
    head = head_named("prototypical", 1)
    support, labels = torch.tensor([[0.0], [2.0], [4.0]]), torch.tensor([0, 0, 1])
    odds = head(support, labels, torch.tensor([[2.0]]))[0]
    assert float(odds[0] - odds[1]) == pytest.approx(4.0 - 1.0)  # squared distances 1 and 4


def test_attention_is_a_softmax_over_cosines() -> None:
    head = head_named("matching", 2)
    support, labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    found = head(support, labels, torch.tensor([[3.0, 0.0]])).exp()[0].detach()
    sharpness = float(np.exp(2.0))
    assert float(found[0]) == pytest.approx(np.exp(sharpness) / (np.exp(sharpness) + 1.0), rel=1e-4)


def test_the_siamese_loss_is_least_where_pairs_of_one_class_are_near() -> None:
    head = head_named("siamese", 2)
    support, labels = torch.tensor([[0.0, 0.0], [9.0, 9.0]]), torch.tensor([0, 1])
    query = torch.tensor([[0.0, 0.0], [9.0, 9.0]])
    with torch.no_grad():
        right, wrong = (float(head.loss(support, labels, query, each)) for each in (labels, labels.flip(0)))
    assert right < wrong


def test_episodes_have_other_examples_in_support_and_query() -> None:
    classes = Classes(examples=torch.arange(40.0)[:, None], labels=np.repeat(np.arange(4), 10))
    support, query = classes.draw(Ways(n_ways=3, n_shots=2, n_queries=4), np.random.default_rng(0))
    assert (len(support), len(query)) == (6, 12)
    assert not set(support) & set(query)
    assert classes.labels[support].reshape(3, 2).std(axis=1).tolist() == [0.0] * 3
    with pytest.raises(DataError, match="4 classes have 6 examples; an episode needs 5"):
        classes.draw(Ways(n_ways=5), np.random.default_rng(0))


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(OptionError, match="no head 'cosine'; choose one of: siamese, prototypical, matching, relation"):
        head_named("cosine", 2)
    with pytest.raises(OptionError, match="two ways"):
        Ways(n_ways=1)
