"""Tasks and configurations as rows of numbers."""

import numpy as np

from autometa.recommenders.encoding import Encoder
from autometa.space import Configuration
from tests.recommenders.experiences import NAN, make_description

TREE = Configuration(algorithm="tree", values={"depth": 3, "criterion": "gini", "is_pruned": True})
LINE = Configuration(algorithm="line", values={"alpha": 0.5})


def test_numbers_words_and_what_is_not_set() -> None:
    encoder = Encoder().fit([], [TREE, LINE])
    # line, tree | alpha, depth | criterion = gini, is_pruned = True
    np.testing.assert_array_equal(
        encoder.configurations([TREE, LINE]),
        [[0, 1, NAN, 3, 1, 1], [1, 0, 0.5, NAN, NAN, NAN]],
    )


def test_an_unknown_word_is_none_of_the_known_and_an_unknown_algorithm_too() -> None:
    encoder = Encoder().fit([], [TREE, LINE])
    other = Configuration(algorithm="forest", values={"criterion": "entropy", "n_trees": 9})
    np.testing.assert_array_equal(encoder.configurations([other]), [[0, 0, NAN, NAN, 0, NAN]])


def test_a_number_given_as_a_word_elsewhere_is_each_in_its_own_column() -> None:
    word = Configuration(algorithm="line", values={"alpha": "auto"})
    encoder = Encoder().fit([], [LINE, word])
    np.testing.assert_array_equal(encoder.configurations([LINE, word]), [[1, 0.5, 0], [1, NAN, 1]])


def test_tasks_have_their_meta_features_by_name() -> None:
    known = [
        make_description("one", metafeatures={"b": 2.0, "a": 1.0}),
        make_description("two", metafeatures={"b": 3.0}),
    ]
    encoder = Encoder().fit(known, [LINE])
    tasks = encoder.tasks(known)
    np.testing.assert_array_equal(tasks[:, :2], [[1.0, 2.0], [NAN, 3.0]])
    assert tasks.shape == (2, encoder.n_task_columns)
