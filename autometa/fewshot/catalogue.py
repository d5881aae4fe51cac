"""The meta-learners by name; nothing of torch is imported until one of them is asked for."""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autometa._optional import require
from autometa.errors import OptionError

if TYPE_CHECKING:
    from autometa.fewshot.recommender import MetaLearner

EXTRA = "fewshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a meta-learner is found.

    Parameters
    ----------
    module, name : str
        Of the class, a `MetaLearner`.
    about : str
        What it is, in a few words.
    """

    module: str
    name: str
    about: str


LEARNERS: dict[str, Entry] = {
    "deep_kernel": Entry(
        module="autometa.fewshot.deep_recommender",
        name="DeepKernelGP",
        about="a Gaussian process with a kernel learned over tasks",
    ),
    "neural_process": Entry(
        module="autometa.fewshot.memory_recommender",
        name="NeuralProcess",
        about="a transformer over results that reads a memory of tasks",
    ),
    "joint": Entry(module="autometa.fewshot.gradient", name="Joint", about="a net that adapts to nothing"),
    "maml": Entry(module="autometa.fewshot.gradient", name="Maml", about="gradient steps from a learned start"),
    "fomaml": Entry(module="autometa.fewshot.gradient", name="FirstOrderMaml", about="MAML of the first order"),
    "reptile": Entry(module="autometa.fewshot.gradient", name="Reptile", about="a start amid where tasks lead"),
    "bayesian_maml": Entry(
        module="autometa.fewshot.bayesian", name="BayesianMaml", about="particles that are adapted together"
    ),
    "recurrent": Entry(module="autometa.fewshot.recurrent", name="Recurrent", about="a recurrent net that proposes"),
    "learned_optimiser": Entry(
        module="autometa.fewshot.optimiser",
        name="LearnedOptimiserRecommender",
        about="steps by a recurrent net in place of gradients",
    ),
}


def load(name: str) -> "type[MetaLearner]":
    """Return the class of a meta-learner.

    Raises
    ------
    OptionError
        If there is none of that name.
    MissingDependencyError
        If torch is not installed; the message names the extra.
    """
    if name not in LEARNERS:
        raise OptionError(f"no meta-learner '{name}'; choose one of: {', '.join(LEARNERS)}")
    require("torch", extra=EXTRA)
    entry = LEARNERS[name]
    found: type[MetaLearner] = getattr(importlib.import_module(entry.module), entry.name)
    return found
