"""The vector of meta-features of one task."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from autometa.errors import AutometaError


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaFeatures:
    """The meta-features of one task.

    Every task of every kind gets every registered name, so that vectors can be compared by name.

    Parameters
    ----------
    values : mapping of str to float
        Name to value; never infinite. NaN means one of two things: the name is in ``failures``, or the
        meta-feature is undefined for this task (its docstring says when).
    failures : mapping of str to str
        Name to the reason why it could not be computed.
    seconds : mapping of str to float
        Name of the group to the wall-clock seconds that it took.
    version : str
        The extraction version; values of two versions must not be compared.

    Raises
    ------
    AutometaError
        If a value is infinite, or a failure has a value or no name among the values.

    Examples
    --------
    >>> MetaFeatures(values={"nr_inst": 150.0}, failures={}, seconds={"simple": 0.001}, version="1")
    MetaFeatures(values={'nr_inst': 150.0}, failures={}, seconds={'simple': 0.001}, version='1')
    """

    values: Mapping[str, float]
    failures: Mapping[str, str]
    seconds: Mapping[str, float]
    version: str

    def __post_init__(self) -> None:
        infinite = [name for name, value in self.values.items() if math.isinf(value)]
        if infinite:
            raise AutometaError(f"meta-features must not be infinite: {', '.join(infinite)}")
        for name in self.failures:
            if not math.isnan(self.values.get(name, 0.0)):
                raise AutometaError(
                    f"the meta-feature '{name}' failed, so its value must be NaN, got {self.values.get(name, 'none')}"
                )
