"""The deep kernel as a surrogate: what it expects of a new task from past ones of the same space."""

import numpy as np
import optuna
import pytest

from autometa.errors import OptionError
from autometa.fewshot.deep_surrogate import DeepKernelSurrogate
from autometa.fewshot.training import Effort
from autometa.recommenders.population import Population
from autometa.recommenders.surrogate import Surrogate
from autometa.refinement.sampler import KnowledgeSampler
from tests.refinement.test_sampler import ALGORITHM, objective, past

__all__ = ["past"]

SHORT = Effort(n_rounds=2, n_steps=10, n_episodes=8, learning_rate=3e-3)


def bowl(points: np.ndarray, middle: np.ndarray) -> np.ndarray:
    return np.asarray(((points - middle) ** 2).sum(axis=1))


def draw_past(n_tasks: int = 12) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(n_tasks):
        points = rng.random((40, 2))
        found.append((points, bowl(points, np.array([0.3, 0.6]) + 0.1 * rng.normal(size=2))))
    return found


@pytest.fixture(scope="module", params=["population", "deep kernel"])
def surrogate(request: pytest.FixtureRequest) -> Surrogate:
    """Return one of the surrogates, fitted."""
    made: Surrogate = Population() if request.param == "population" else DeepKernelSurrogate(SHORT)
    return made.fit(draw_past())


def test_what_is_expected_and_believed_is_sound(surrogate: Surrogate) -> None:
    rng = np.random.default_rng(1)
    told, asked = rng.random((8, 2)), rng.random((300, 2))
    middle = np.array([0.4, 0.5])
    assert surrogate.expected(asked).shape == (12, 300)
    conditional = surrogate.condition(told, bowl(told, middle))
    mean, std = conditional.predict(asked)
    assert np.corrcoef(mean, bowl(asked, middle))[0, 1] > 0.95
    assert (std > 0).all()
    gain = conditional.log_improvement(asked)
    assert np.isfinite(gain).all()
    best = asked[[int(np.argmax(gain))]]
    assert np.linalg.norm(best - middle) < 0.2
    awaited = conditional.believing(best)
    assert awaited.log_improvement(best)[0] < conditional.log_improvement(best)[0] - 0.5
    assert awaited.predict(best)[1][0] < conditional.predict(best)[1][0]


@pytest.mark.parametrize("n_batches", [1, 2])
def test_results_that_are_awaited_narrow_as_they_will_when_they_are_there(n_batches: int) -> None:
    surrogate = DeepKernelSurrogate(SHORT, n_tuning=0).fit(draw_past())
    rng = np.random.default_rng(4)
    told, awaited, asked = rng.random((6, 2)), rng.random((4, 2)), rng.random((50, 2))
    told[2] = middle = np.array([0.4, 0.5])  # stays the best
    conditional = believed = surrogate.condition(told, bowl(told, middle))
    for batch in np.split(awaited, n_batches):
        believed = believed.believing(batch)
    both = np.vstack([told, awaited])
    known = surrogate.condition(both, bowl(both, middle) + 0.01 * (np.arange(10) != 2))
    assert known.best == believed.best == 2
    assert believed.predict(asked)[1] == pytest.approx(known.predict(asked)[1], rel=1e-3, abs=1e-4)
    assert believed.predict(asked)[0] == pytest.approx(conditional.predict(asked)[0], abs=1e-6)
    assert (believed.predict(asked)[1] < conditional.predict(asked)[1]).mean() > 0.9


@pytest.mark.parametrize("losses", [[0.1], [np.inf, 0.2, np.inf], [0.3, 0.3, 0.3]], ids=["one", "failures", "equal"])
def test_few_failed_and_equal_results_are_sound(surrogate: Surrogate, losses: list[float]) -> None:
    points = np.random.default_rng(2).random((len(losses), 2))
    conditional = surrogate.condition(points, np.array(losses))
    assert np.isfinite(conditional.predict(points + 0.01)).all()
    assert np.isfinite(conditional.log_improvement(np.vstack([points, points + 0.01]))).all()


def test_conditioning_leaves_what_was_learned_alone_and_kept_weights_are_the_same() -> None:
    surrogate = DeepKernelSurrogate(SHORT).fit(draw_past())
    before = {name: value.clone() for name, value in surrogate.net_.state_dict().items()}
    points = np.random.default_rng(3).random((10, 2))
    surrogate.condition(points, bowl(points, np.array([0.2, 0.2])))
    assert all((surrogate.net_.state_dict()[name] == value).all() for name, value in before.items())
    again = DeepKernelSurrogate(SHORT).fit(draw_past())
    assert not hasattr(again, "trained_"), "they were kept"
    assert all((again.net_.state_dict()[name] == value).all() for name, value in before.items())


def test_a_sampler_takes_it_and_refuses_others(past: object, monkeypatch: pytest.MonkeyPatch) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    monkeypatch.setattr("autometa.fewshot.deep_surrogate.DeepKernelSurrogate.__init__.__defaults__", (SHORT, 4))
    study = optuna.create_study(
        direction="maximize",
        sampler=KnowledgeSampler(past, algorithm=ALGORITHM, kind="binary", surrogate="deep_kernel"),  # type: ignore[arg-type] # a path
    )
    study.optimize(objective, n_trials=12)
    assert study.best_value > 0.89
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 12
    with pytest.raises(OptionError, match="no surrogate 'forest'"):
        KnowledgeSampler(past, algorithm=ALGORITHM, kind="binary", surrogate="forest")  # type: ignore[arg-type] # a path
