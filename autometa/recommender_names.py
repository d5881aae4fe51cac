"""Every recommender by the name under which it is asked for."""

from autometa.errors import OptionError
from autometa.fewshot import catalogue
from autometa.recommenders.average import BestOnAverage
from autometa.recommenders.base import Recommender
from autometa.recommenders.boosted import BoostedCosts, BoostedRanks
from autometa.recommenders.copula import QuantileCopula
from autometa.recommenders.gaussian import ConditionalGaussian, ProximityGaussian
from autometa.recommenders.hybrid import Hybrid
from autometa.recommenders.nearest import NearestTasks
from autometa.recommenders.portfolio import GreedyPortfolio
from autometa.recommenders.proximity import ProximityAverage, ProximityPortfolio

# Those that need no torch.
RECOMMENDERS: dict[str, type[Recommender]] = {
    "portfolio": GreedyPortfolio,
    "nearest": NearestTasks,
    "average": BestOnAverage,
    "proximity": ProximityPortfolio,
    "trees": ProximityAverage,
    "boosted": BoostedCosts,
    "lambdarank": BoostedRanks,
    "gaussian": ConditionalGaussian,
    "copula": QuantileCopula,
    "proximity_gaussian": ProximityGaussian,
    "hybrid": Hybrid,
}
DEFAULT_RECOMMENDER = "hybrid"
RECOMMENDER_NAMES = (*RECOMMENDERS, *catalogue.LEARNERS)


def recommender_named(name: str) -> type[Recommender]:
    """Return the class of a recommender.

    Raises
    ------
    OptionError
        If there is none of that name.
    MissingDependencyError
        If it needs torch, which is not installed.
    """
    if name in RECOMMENDERS:
        return RECOMMENDERS[name]
    if name in catalogue.LEARNERS:
        return catalogue.load(name)
    raise OptionError(f"no recommender '{name}'; choose one of: {', '.join(RECOMMENDER_NAMES)}")
