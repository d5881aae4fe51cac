"""Landmarkers as losses, against hand calculations."""

import numpy as np

from autometa.metric import get_metric
from autometa.recommenders.landmarks import log_losses, log_ratios
from autometa.task_kind import TaskKind
from tests.recommenders.experiences import NAN, make_description


def test_scores_become_losses_and_a_missing_one_counts_as_the_unit() -> None:
    metric = get_metric("roc_auc", TaskKind.BINARY)
    known = make_description("known", metafeatures={"decision_tree_auc": 0.9, "naive_bayes_auc": NAN})
    losses = log_losses(metric, [known], np.ones(1))
    np.testing.assert_allclose(losses[:, :3], np.log([[0.101, 1.001, 1.001]]))
    np.testing.assert_allclose(losses[:, 3:], np.log(1.001))


def test_log_losses_are_relative_to_the_unit() -> None:
    metric = get_metric("log_loss", TaskKind.MULTICLASS)
    known = make_description("known", kind=TaskKind.MULTICLASS, metafeatures={"decision_tree_log_loss": 0.8})
    np.testing.assert_allclose(log_losses(metric, [known], np.array([1.6]))[0, 0], np.log(0.501))


def test_a_ratio_tells_which_quick_learner_loses_more() -> None:
    features = {"decision_tree": 0.8, "one_nn": 0.9, "ridge_rmse": 0.5, "one_nn_rmse": 0.2}
    both, half, none = (
        make_description(name, metafeatures=known)
        for name, known in (("both", features), ("half", {"decision_tree": 0.8}), ("none", {}))
    )
    ratios = log_ratios([both, half, none])
    known = ratios[0][np.isfinite(ratios[0])]
    np.testing.assert_allclose(sorted(known), sorted([np.log(0.21 / 0.11), np.log(0.21 / 0.51)]))
    assert np.isnan(ratios[1:]).all()


def test_error_rates_of_openml_are_losses_already() -> None:
    known = make_description("known", metafeatures={"NaiveBayesErrRate": 0.19, "kNN1NErrRate": 0.09})
    ratios = log_ratios([known])[0]
    np.testing.assert_allclose(ratios[np.isfinite(ratios)], [np.log(2.0)])
