"""Landscape: the known tasks and a new one on a plane, so that people see what lies near what."""

from dataclasses import dataclass, field

import numpy as np

from autometa.knowledge.frames import Experience
from autometa.recommenders.recommendation import Recommendation
from autometa.recommenders.similarity import Similarity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Landscape:
    """The first two principal components of the scaled meta-features.

    Parameters
    ----------
    names : tuple of str, n_tasks of them
        The known tasks, without the one that is asked about.
    points : ndarray of shape (n_tasks, 2)
        Where they lie.
    distances : ndarray of shape (n_tasks,)
        How far each is from the one asked about, over all meta-features: the plane alone would mislead.
    own : ndarray of shape (2,)
        Where the one asked about lies.
    nearest : tuple of int
        Positions of the nearest known tasks, nearest first.
    share : float
        Of the variance of all meta-features that the plane shows, in [0, 1].
    """

    names: tuple[str, ...]
    points: np.ndarray = field(repr=False)
    distances: np.ndarray = field(repr=False)
    own: np.ndarray = field(repr=False)
    nearest: tuple[int, ...]
    share: float


def survey(experience: Experience, recommendation: Recommendation) -> Landscape:
    """Return the landscape around the task of a recommendation.

    The components are those of the known tasks; the task asked about is projected onto them. Each component points
    where its largest coefficient is positive, so that the same tasks always give the same picture.

    References
    ----------
    Jolliffe, I. T., Cadima, J. (2016). Principal component analysis: a review and recent developments. Philosophical
    Transactions of the Royal Society A 374. https://doi.org/10.1098/rsta.2015.0202
    """
    own = recommendation.task
    others = [each for each in experience.descriptions if each.fingerprint != own.fingerprint]
    similarity = Similarity().fit(experience.descriptions)
    table = similarity.transform(others)
    centre = table.mean(axis=0) if len(table) else np.zeros(len(similarity.names_))
    axes, share = _axes(table - centre)
    place_of = {each.fingerprint: place for place, each in enumerate(others)}
    distances = similarity.distances(own)
    is_other = np.array([each.fingerprint != own.fingerprint for each in experience.descriptions], dtype=bool)
    return Landscape(
        names=tuple(each.name for each in others),
        points=(table - centre) @ axes,
        distances=distances[is_other],
        own=(similarity.transform([own])[0] - centre) @ axes,
        nearest=tuple(place_of[k.fingerprint] for k in recommendation.known_tasks if k.fingerprint in place_of),
        share=share,
    )


def _axes(table: np.ndarray) -> tuple[np.ndarray, float]:
    """Return two directions, (n_metafeatures, 2), 0 where there are fewer, and the share of variance along them."""
    _, sizes, directions = np.linalg.svd(table, full_matrices=False)
    axes = np.zeros((table.shape[1], 2))
    for number, direction in enumerate(directions[:2]):
        axes[:, number] = direction * (np.sign(direction[np.argmax(np.abs(direction))]) or 1.0)
    total = float((sizes**2).sum())
    return axes, float((sizes[:2] ** 2).sum()) / total if total > 0 else 1.0
