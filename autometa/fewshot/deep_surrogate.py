"""The deep-kernel Gaussian process as a surrogate over the space of one algorithm.

Shapes: B tasks, n points, d coordinates, t past tasks, m runs of one; S places of a support set, Q of a query set.
"""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from autometa import _array_cache
from autometa._random import generator
from autometa.fewshot.deep_kernel import DeepKernel, Places, Prior, of_rows
from autometa.fewshot.devices import device_of, seeded
from autometa.fewshot.kriging import Kriging, Told, log_density
from autometa.fewshot.nets import arrays_of, fill, tensors
from autometa.fewshot.training import Effort, train
from autometa.recommenders.population import (
    MAX_RESULTS,
    MIN_RUNS,
    Population,
    best_and_others,
    normal_scores,
    standardised,
)
from autometa.recommenders.surrogate import Conditional, Floats, log_improvement

EFFORT = Effort(n_rounds=12, n_steps=25, patience=4, n_episodes=16, learning_rate=3e-3)
VERSION = 1  # of how weights are learned, for those that are kept
FOLDER = "surrogates"
N_ASKED = 40
MAX_TOLD = 40
KEPT_SHARE = 0.2  # of the past tasks, to stop by
MIN_TASKS = 6  # below, nothing is learned beside what the past tasks have in common
N_TUNING = 8  # steps on the results of a new task
MIN_TUNING = 5  # results of it, to make them
_TUNING_RATE = 0.02


class DeepKernelSurrogate:
    """Past tasks by a deep kernel, and what they say of a new one.

    As in `Population`, the losses of a past task enter by the normal scores of their ranks, what is expected of a new
    task is what the past tasks' curves have in common, and how it may differ is how they vary together. What no past
    task lets expect is not a process with one length for each coordinate, but one with a learned kernel; level, width
    and how much of each there is are learned over the past tasks too, each as if it were new, and fitted by a few steps
    to the results of the new one.

    Parameters
    ----------
    effort : Effort, optional
        How long meta-training goes on.
    n_tuning : int
        Steps by which a copy is fitted to the results of the new task.

    References
    ----------
    Wistuba, M., Grabocka, J. (2021). Few-shot Bayesian optimization with deep kernel surrogates. ICLR.
    https://doi.org/10.48550/arXiv.2101.07667
    """

    def __init__(self, effort: Effort = EFFORT, n_tuning: int = N_TUNING) -> None:
        self.effort = effort
        self.n_tuning = n_tuning

    def fit(self, past: Sequence[tuple[Floats, Floats]]) -> Self:
        """Learn from past tasks, see `Surrogate`; weights are kept in the user's cache, under what they depend on."""
        self.population_ = Population().fit(past)
        known = [each for each in past if len(each[1]) >= MIN_RUNS]
        with seeded(0):
            self.net_ = DeepKernel(known[0][0].shape[1], size=32, scale=0.3, kriging=Kriging(level=1.0, width=0.7))
            self.net_.to(device_of(self.effort.device)).eval()
            if len(known) >= MIN_TASKS:
                identity = self._identity(known)
                if not self._take_up(identity):
                    self._meta_train(known)
                    _array_cache.keep_arrays(_array_cache.cache_folder(FOLDER), identity, arrays_of(self.net_))
        return self

    def expected(self, points: Floats) -> Floats:
        """Return what each past task lets expect at points (n, d), (t, n), in normal scores: smaller is better."""
        return self.population_.expected(points)

    def condition(self, points: Floats, losses: Floats) -> "Conditioned":
        """Return what is expected after losses (n,) were observed at points (n, d), one at least."""
        kept = best_and_others(losses, MAX_RESULTS)
        (values,) = tensors(self.effort.device, standardised(losses)[None, kept])
        with seeded(0):
            net = self._tuned(points[kept], values)
            return Conditioned.of(self, net, points[kept], values)

    def alone(self, points: Floats, losses: Floats) -> Conditional:
        """Return what these losses (n,) let expect by themselves, whatever past tasks say."""
        return self.population_.alone(points, losses)

    def prior(self, points: Floats, without: int | None = None) -> Prior:
        """Return what the past tasks let expect at points (n, d), all but one of them."""
        curves = self.expected(points)
        if without is not None and len(curves) > 2:
            curves = np.delete(curves, without, axis=0)
        mean = curves.mean(axis=0)
        deviations = (curves - mean) / np.sqrt(max(len(curves) - 1, 1))
        device = self.effort.device
        expected, loadings, nothing = tensors(device, mean[None], deviations.T, np.zeros((1, len(points))))
        return Prior(expected, loadings, nothing)

    def places(self, net: DeepKernel, points: Floats) -> Places:
        """Return points (n, d) of a new task as a kernel sees them."""
        (inputs,) = tensors(self.effort.device, points[None])
        return net.places(inputs, self.prior(points))

    def _identity(self, known: Sequence[tuple[Floats, Floats]]) -> dict[str, object]:
        """Return what the weights depend on."""
        digest = hashlib.sha256()
        for each in known:
            for array in each:
                digest.update(f"{array.shape}".encode() + np.ascontiguousarray(array, dtype=float).tobytes())
        return {"version": VERSION, "effort": asdict(self.effort), "inputs": digest.hexdigest()}

    def _take_up(self, identity: dict[str, object]) -> bool:
        """Return whether weights were kept, and fitted."""
        arrays = _array_cache.load_arrays(_array_cache.cache_folder(FOLDER), identity)
        if arrays is None:
            return False
        try:
            fill(self.net_, arrays)
        except (KeyError, RuntimeError):  # of another release
            return False
        return True

    def _tuned(self, points: Floats, values: Tensor) -> DeepKernel:
        """Return a copy of the kernel that is fitted to results (1, n) of a new task at points (n, d)."""
        if not self.n_tuning or len(points) < MIN_TUNING:
            return self.net_
        net = copy.deepcopy(self.net_)
        is_told = torch.ones_like(values, dtype=torch.bool)
        (inputs,) = tensors(self.effort.device, points[None])
        prior = self.prior(points)
        own = [net.scales, *net.kriging.parameters(), net.own.bias]
        optimiser = torch.optim.Adam(own, lr=_TUNING_RATE)
        for _ in range(self.n_tuning):
            optimiser.zero_grad()
            support = net.places(inputs, prior)
            evidence = net.kriging.log_evidence(net.told(support, values, is_told))
            (-evidence.mean()).backward()  # type: ignore[no-untyped-call] # torch has no annotation for it
            optimiser.step()
        return net

    def _meta_train(self, known: Sequence[tuple[Floats, Floats]]) -> None:
        """Learn over past tasks, each as if it were new."""
        pasts = [_Past.of(self, number, *each) for number, each in enumerate(known)]
        rng = generator(0, "deep kernel surrogate")
        order = rng.permutation(len(pasts))
        n_kept = max(round(KEPT_SHARE * len(pasts)), 1)
        kept, learned = [pasts[i] for i in order[:n_kept]], [pasts[i] for i in order[n_kept:]]
        n_episodes = self.effort.n_episodes

        def drawn(source: list[_Past], rng: np.random.Generator) -> list[_Episode]:
            return [source[i].drawn(rng) for i in rng.integers(len(source), size=n_episodes)]

        fixed = generator(0, "deep kernel surrogate", "kept")
        asked = [drawn(kept, fixed) for _ in range(6)]

        def kept_loss() -> float:
            with torch.no_grad():
                return float(np.mean([float(self._loss(each)) for each in asked]))

        self.trained_ = train(self.net_, lambda: self._loss(drawn(learned, rng)), kept_loss, self.effort)

    def _loss(self, episodes: "list[_Episode]") -> Tensor:
        """Return the mean negative log density of what is asked for, a scalar."""
        device = self.effort.device
        points, values, scores = tensors(
            device, *(np.stack([getattr(e, name) for e in episodes]) for name in ("points", "values", "scores"))
        )
        prior = Prior(*(torch.cat(parts) for parts in zip(*(e.prior for e in episodes), strict=True)))
        places = self.net_.places(points, prior)
        is_told = torch.from_numpy(np.stack([e.is_told for e in episodes])).to(points.device)
        rows = torch.arange(MAX_TOLD + N_ASKED, device=points.device).expand(len(episodes), -1)
        support, query = of_rows(places, rows[:, :MAX_TOLD]), of_rows(places, rows[:, MAX_TOLD:])
        costs = self.net_(support, values, is_told, query)
        return -log_density(scores, costs).mean()


class _Episode(NamedTuple):
    """Some runs of a past task: S that are told, with empty places, then Q that are asked for."""

    points: Floats
    prior: Prior
    values: Floats
    is_told: np.ndarray
    scores: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Past:
    """A past task as if it were new: points (m, d), losses and normal scores (m,), and what the others let expect."""

    points: Floats = field(repr=False)
    losses: Floats = field(repr=False)
    scores: Floats = field(repr=False)
    prior: Prior = field(repr=False)

    @classmethod
    def of(cls, surrogate: DeepKernelSurrogate, number: int, points: Floats, losses: Floats) -> Self:
        """Return one of the past tasks."""
        prior = surrogate.prior(points, without=number)
        return cls(points=points, losses=losses, scores=normal_scores(losses), prior=prior)

    def drawn(self, rng: np.random.Generator) -> _Episode:
        """Return drawn runs; those that are told in favour of what is expected to be good, the more so in a part."""
        count = len(self.losses)
        n_told = int(rng.integers(1, min(MAX_TOLD, count - 1) + 1))
        favour = rng.uniform(0.0, 3.0) * self.scores
        order = np.argsort(favour - rng.gumbel(size=count))
        asked = rng.choice(order[n_told:], size=N_ASKED)
        rows = np.concatenate([order[:n_told], np.full(MAX_TOLD - n_told, order[0]), asked])
        is_told = np.arange(MAX_TOLD) < n_told
        values = np.zeros(MAX_TOLD)
        values[:n_told] = standardised(self.losses[order[:n_told]])
        at = torch.from_numpy(rows).to(self.prior.mean.device)
        prior = Prior(self.prior.mean[:, at], self.prior.loadings[at][None], self.prior.counted[:, at])
        return _Episode(self.points[rows], prior, values, is_told, self.scores[asked])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditioned:
    """A deep kernel, given results of a new task.

    Parameters
    ----------
    surrogate : DeepKernelSurrogate
        What was learned from past tasks.
    net : DeepKernel
        Its kernel, fitted to the results.
    points : ndarray of shape (n, d)
        Where these are, and where more are awaited.
    support : Places
        Where they are, as the kernel sees it.
    told : Told
        What they are.
    then : tuple of Places and Told
        The same when those that are awaited are there, but for their values; variances are of then.
    best : int
        The one of which the least is expected.
    least : float
        What is expected of it, or of the best that is awaited.
    """

    surrogate: DeepKernelSurrogate = field(repr=False)
    net: DeepKernel = field(repr=False)
    points: Floats = field(repr=False)
    support: Places = field(repr=False)
    told: Told = field(repr=False)
    then: tuple[Places, Told] = field(repr=False)
    best: int
    least: float

    @classmethod
    def of(cls, surrogate: DeepKernelSurrogate, net: DeepKernel, points: Floats, values: Tensor) -> Self:
        """Return what is expected after results (1, n) at points (n, d)."""
        with torch.no_grad():
            support = surrogate.places(net, points)
            told = net.told(support, values, torch.ones_like(values, dtype=torch.bool))
            rows = torch.arange(len(points), device=values.device)[None]
            costs, _ = net.whole(rows, values, support)
            best = int(costs.mean.argmin())
        return cls(
            surrogate=surrogate,
            net=net,
            points=points,
            support=support,
            told=told,
            then=(support, told),
            best=best,
            least=float(costs.mean[0, best]),
        )

    def predict(self, points: Floats) -> tuple[Floats, Floats]:
        """Return mean and standard deviation, (n,) each, at points (n, d).

        The latter of how far they are from the best: the level, which all have in common, is not known for certain.
        """
        net, kriging = self.net, self.net.kriging
        support, told = self.then
        with seeded(0), torch.no_grad():
            query = self.surrogate.places(net, points)
            mean = kriging(self.told, net.covariance(query, self.support), query.prior.mean, net.variance(query)).mean
            across = net.covariance(query, support)
            variance = kriging.remaining(told, across, net.variance(query) - query.own)
            row = torch.tensor([[self.best]], device=across.device)
            best = of_rows(support, row)
            own = torch.nn.functional.one_hot(row, told.values.shape[1]) * best.own[..., None]
            inside = net.covariance(best, support) + own
            variance = variance + kriging.remaining(told, inside, net.variance(best))
            variance = variance - 2.0 * kriging.left(told, across, inside, net.covariance(query, best))[..., 0]
        std = variance.clamp_min(1e-6).sqrt()
        return mean[0].double().cpu().numpy(), std[0].double().cpu().numpy()

    def believing(self, points: Floats) -> "Conditioned":
        """Return what is expected if results at points (n, d), which are awaited, are what is expected there."""
        least = min(self.least, float(self.predict(points)[0].min()))
        everywhere = np.vstack([self.points, points])
        with seeded(0), torch.no_grad():
            support = self.surrogate.places(self.net, everywhere)
            values = self.told.values.new_zeros(1, len(everywhere))  # variances do not depend on them
            told = self.net.told(support, values, torch.ones_like(values, dtype=torch.bool))
        return replace(self, points=everywhere, then=(support, told), least=least)

    def log_improvement(self, points: Floats) -> Floats:
        """Return the logarithm of the expected improvement on the best result at points (n, d), (n,)."""
        mean, std = self.predict(points)
        return log_improvement(self.least - mean, std)
