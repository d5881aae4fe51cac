import math

import pytest

from autometa.errors import AutometaError
from autometa.metafeatures import MetaFeatures


def test_an_infinite_value_is_refused() -> None:
    with pytest.raises(AutometaError, match="must not be infinite: nr_inst"):
        MetaFeatures(values={"nr_inst": math.inf}, failures={}, seconds={}, version="1")


def test_a_failure_with_a_value_is_refused() -> None:
    with pytest.raises(AutometaError, match=r"'nr_inst' failed, so its value must be NaN, got 3\.0"):
        MetaFeatures(values={"nr_inst": 3.0}, failures={"nr_inst": "broke"}, seconds={}, version="1")


def test_a_failure_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(AutometaError, match="'nr_inst' failed, so its value must be NaN, got none"):
        MetaFeatures(values={}, failures={"nr_inst": "broke"}, seconds={}, version="1")
