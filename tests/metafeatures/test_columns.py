import numpy as np
import pandas as pd
import pytest

from autometa.metafeatures.columns import equal_frequency_bins, read_column, without_unit


def test_numbers_lose_their_unit_and_no_digit() -> None:
    numbers = np.array([3.0, -1e300, np.nan, 0.1])
    scaled, exponent = without_unit(numbers)
    assert np.nanmax(np.abs(scaled)) <= 1.0
    np.testing.assert_array_equal(np.ldexp(scaled, exponent)[[1, 2]], numbers[[1, 2]])


def test_numbers_of_ordinary_size_come_back_exactly() -> None:
    numbers = np.array([3.0, -7.7, 1e-5, 0.0])
    scaled, exponent = without_unit(numbers)
    np.testing.assert_array_equal(np.ldexp(scaled, exponent), numbers)


def test_nothing_but_zeros_and_missing_values_has_no_unit() -> None:
    assert without_unit(np.array([0.0, np.nan]))[1] == 0
    assert without_unit(np.array([np.nan]))[1] == 0


def test_bins_hold_about_equally_many() -> None:
    bins = equal_frequency_bins(np.arange(30.0), n_rows=30)
    np.testing.assert_array_equal(np.bincount(bins), [10, 10, 10])


def test_bins_merge_where_most_values_are_equal() -> None:
    bins = equal_frequency_bins(np.array([0.0] * 28 + [1.0, 2.0]), n_rows=30)
    np.testing.assert_array_equal(np.bincount(bins), [28, 2])


def test_levels_are_numbered_by_frequency_and_missing_is_a_level() -> None:
    column = read_column(pd.Series(["b", "a", None, "a", "b", "c", None, None], dtype="str"))
    np.testing.assert_array_equal(column.levels, [2, 1, 0, 1, 2, 3, 0, 0])
    assert column.n_distinct == 3
    assert column.is_missing.sum() == 3


def test_infinite_numbers_are_missing() -> None:
    column = read_column(pd.Series([1.0, np.inf, 3.0, -np.inf]))
    np.testing.assert_array_equal(column.is_missing, [False, True, False, True])
    np.testing.assert_array_equal(column.imputed(), [-1.0, 0.0, 1.0, 0.0])


def test_dates_with_a_time_zone_are_numbers() -> None:
    days = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02", "", "2024-01-03"]).tz_localize("UTC"))
    np.testing.assert_allclose(read_column(days).imputed(), [-1.0, 0.0, 0.0, 1.0])


def test_a_constant_column_has_no_numbers() -> None:
    column = read_column(pd.Series([2.0, 2.0, np.nan]))
    assert not column.varies
    assert column.encoded(n_levels=8) == []
    with pytest.raises(ValueError, match="1 distinct values has no numbers"):
        column.imputed()


def test_a_nominal_column_is_encoded_as_its_frequent_levels_and_the_frequency() -> None:
    column = read_column(pd.Series(list("aaabbc"), dtype="str"))
    a, b, frequency = column.encoded(n_levels=2)
    np.testing.assert_array_equal(a, [1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(b, [0, 0, 0, 1, 1, 0])
    np.testing.assert_allclose(frequency, [1 / 2] * 3 + [1 / 3] * 2 + [1 / 6])


def test_two_levels_are_one_indicator() -> None:
    assert len(read_column(pd.Series([True, False, True])).encoded(n_levels=8)) == 1
