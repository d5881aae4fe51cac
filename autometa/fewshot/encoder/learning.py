"""Training the encoder: similar tasks are those on which the same configurations are good, and parts of one table.

Shapes: T tasks, B tasks of a step, C numbers of meta-features, Z numbers of an embedding.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from autometa._random import generator, spawn
from autometa.embedding import EMBEDDING_SIZE
from autometa.errors import DataError, OptionError
from autometa.fewshot.devices import device_of, seeded
from autometa.fewshot.encoder.agreement import agreements, retrieval
from autometa.fewshot.encoder.inference import LEARNER, TaskEncoder
from autometa.fewshot.encoder.network import Encoder, Shape, on_sphere
from autometa.fewshot.encoder.numbers import TaskNumbers
from autometa.fewshot.encoder.tables import Table
from autometa.fewshot.encoder.views import Views
from autometa.fewshot.training import Effort, Report, train
from autometa.fewshot.weights import save_arrays
from autometa.knowledge.frames import Experience
from autometa.metafeatures import EXTRACTION_VERSION
from autometa.task import TaskDescription

MIN_TASKS = 20  # with runs to compare: below, there is nothing to align with
EFFORT = Effort(n_rounds=16, n_steps=60, patience=16, learning_rate=2e-3, n_episodes=32)
_USUAL_SPREAD = 0.05  # of the squares by which agreements differ from what cosines say of them
_GAMMA = 1.0  # of the similarity exp(-gamma x distance) of two parts of tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """How the parts of the loss weigh, and how the encoder is kept from learning by heart.

    Parameters
    ----------
    same_table : float
        Of telling parts of one table from parts of others, beside the alignment with performance, which weighs 1.
    table_dropout : float
        Share of the tasks of a step whose meta-features speak alone.
    decay : float
        Of the squares of the weights.
    augmented_share : float
        Tables made from others, for each that is there.
    n_views : int
        Parts that are drawn of each table.

    Raises
    ------
    OptionError
        If a number makes no sense.
    """

    same_table: float = 0.02
    table_dropout: float = 0.3
    decay: float = 1e-3
    augmented_share: float = 0.5
    n_views: int = 4

    def __post_init__(self) -> None:
        if min(asdict(self).values()) < 0 or self.n_views < 2 or self.table_dropout > 1:
            raise OptionError(f"no weighing of an encoder's losses: {self}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncoderTasks:
    """Tasks to train an encoder on.

    Parameters
    ----------
    descriptions : tuple of TaskDescription, T of them
        Of all kinds.
    agreement : ndarray of shape (T, T)
        See `autometa.fewshot.encoder.agreement.agreements`; NaN between kinds.
    tables : tuple of Table or None, T of them
        Those that are at hand.
    """

    descriptions: tuple[TaskDescription, ...] = field(repr=False)
    agreement: npt.NDArray[np.float64] = field(repr=False)
    tables: tuple[Table | None, ...] = field(repr=False)

    @classmethod
    def of(cls, experiences: Sequence[Experience], tables: Mapping[str, Table] | None = None) -> "EncoderTasks":
        """Return the tasks of past runs, one experience for each kind, with the tables by fingerprint."""
        descriptions = tuple(each for experience in experiences for each in experience.descriptions)
        agreement = np.full((len(descriptions), len(descriptions)), np.nan)
        start = 0
        for experience in experiences:
            part = slice(start, start + experience.n_tasks)
            agreement[part, part] = agreements(experience)
            start += experience.n_tasks
        at_hand = tables or {}
        return cls(
            descriptions=descriptions,
            agreement=agreement,
            tables=tuple(at_hand.get(each.fingerprint) for each in descriptions),
        )

    @property
    def n_tasks(self) -> int:
        """T."""
        return len(self.descriptions)

    @property
    def families(self) -> tuple[str, ...]:
        """Of each task."""
        return tuple(each.family for each in self.descriptions)

    def of_rows(self, rows: npt.NDArray[np.intp]) -> "EncoderTasks":
        """Return some of the tasks."""
        return EncoderTasks(
            descriptions=tuple(self.descriptions[row] for row in rows),
            agreement=self.agreement[np.ix_(rows, rows)],
            tables=tuple(self.tables[row] for row in rows),
        )


class TrainedEncoder:
    """A net with the scales of its meta-features.

    Parameters
    ----------
    net : Encoder
        The net, on the CPU.
    numbers : TaskNumbers
        The scales.
    notes : tuple of str
        What the user should know of the training.
    """

    def __init__(self, net: Encoder, numbers: TaskNumbers, notes: Sequence[str] = ()) -> None:
        self.net = net
        self.numbers = numbers
        self.notes = tuple(notes)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all weights and scales by name."""
        weights = {name: np.asarray(tensor.detach().cpu()) for name, tensor in self.net.state_dict().items()}
        return {**weights, **self.numbers.arrays()}

    def card(self, version: str, about: Mapping[str, object]) -> dict[str, object]:
        """Return the card of the weights: how they are read, then what else there is to say."""
        return {
            "learner": LEARNER,
            "version": version,
            "metafeatures": list(self.numbers.names),
            "metafeatures_version": EXTRACTION_VERSION,
            "shape": asdict(self.net.shape),
            "notes": list(self.notes),
            **about,
        }

    def save(self, path: str | Path, *, version: str, about: Mapping[str, object]) -> None:
        """Write weights and card to a file, as `inference.TaskEncoder` reads it."""
        save_arrays(path, self.arrays(), self.card(version, about))


def train_encoder(
    tasks: EncoderTasks,
    kept: EncoderTasks | None = None,
    *,
    seed: int = 0,
    effort: Effort = EFFORT,
    weighing: Weighing | None = None,
    report: Report | None = None,
) -> TrainedEncoder:
    """Return an encoder trained on tasks; of tasks without tables it learns from meta-features and runs alone.

    Parameters
    ----------
    tasks : EncoderTasks
        What is learned from.
    kept : EncoderTasks, optional
        Of other families, to stop by; default: the last weights are kept.
    seed : int
        Of all that is drawn.
    effort : Effort
        How long.
    weighing : Weighing, optional
        How the parts of the loss weigh.
    report : callable, optional
        See `autometa.fewshot.training.Report`.

    Raises
    ------
    DataError
        If too few tasks have runs to compare.
    """
    weighing = weighing or Weighing()
    n_compared = int((np.isfinite(tasks.agreement).sum(axis=1) > 1).sum())
    if n_compared < MIN_TASKS:
        raise DataError(f"an encoder needs {MIN_TASKS} tasks with runs in common, there are {n_compared}; grow more")
    numbers = TaskNumbers.of(tasks.descriptions)
    rng = generator(seed, LEARNER, "steps")
    views = Views.draw(
        tasks.tables,
        generator(seed, LEARNER, "views"),
        n_views=weighing.n_views,
        augmented_share=weighing.augmented_share,
    )
    has_table = views.n_tables > 0
    with seeded(spawn(seed, LEARNER, "weights")):
        net = Encoder(Shape(n_numbers=numbers.n_numbers, has_table=has_table)).to(device_of(effort.device))
        lesson = _Lesson(net, numbers, tasks, views, weighing, rng)
        ever_less = itertools.count(0, -1)  # without what to judge by, the last weights count as the best

        def kept_loss() -> float:
            return float(next(ever_less)) if kept is None else -_retrieved(net, numbers, kept)

        train(_WithScale(net, lesson.scale), lambda: lesson.loss(effort.n_episodes), kept_loss, effort, report)
    n_tables = sum(table is not None for table in tasks.tables)
    notes = [f"learned from {tasks.n_tasks} tasks, of which {n_tables} with their tables"]
    if not has_table:
        notes.append("no tables were given: the branch that reads tables is not trained, meta-features speak alone")
    return TrainedEncoder(net.cpu().eval(), numbers, notes)


class _WithScale(nn.Module):
    """A net and what turns cosines into agreements, which are learned together."""

    def __init__(self, net: Encoder, scale: "_Scale") -> None:
        super().__init__()
        self.net = net
        self.scale = scale


class _Scale(nn.Module):
    """Turns cosines of embeddings into agreements, for each kind of task."""

    def __init__(self, n_kinds: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.full((n_kinds,), 0.4))
        self.level = nn.Parameter(torch.full((n_kinds,), 0.3))


class _Lesson:
    """Steps of the training, on one device."""

    def __init__(
        self,
        net: Encoder,
        numbers: TaskNumbers,
        tasks: EncoderTasks,
        views: Views,
        weighing: Weighing,
        rng: np.random.Generator,
    ) -> None:
        self.device = next(net.parameters()).device
        self.net, self.views, self.weighing, self.rng = net, views, weighing, rng
        kinds = sorted({each.kind for each in tasks.descriptions})
        self.scale = _Scale(len(kinds)).to(self.device)
        self._rows_of = [
            np.array([row for row, each in enumerate(tasks.descriptions) if each.kind is kind]) for kind in kinds
        ]
        shares = np.array([len(rows) for rows in self._rows_of], dtype=float)
        self._shares = shares / shares.sum()
        self._numbers = torch.as_tensor(numbers.transform(tasks.descriptions), dtype=torch.float32).to(self.device)
        family = np.array(tasks.families, dtype=object)
        related = family[:, None] == family[None, :]
        known = np.where(related, np.nan, tasks.agreement)
        self._agreement = torch.as_tensor(known, dtype=torch.float32).to(self.device)
        self._view_family = np.array(views.families, dtype=object)
        self._table_of = {int(source): place for place, source in enumerate(views.source) if source >= 0}

    def loss(self, n_tasks: int) -> Tensor:
        """Return the loss on drawn tasks of one kind, and on parts of drawn tables."""
        kind = int(self.rng.choice(len(self._rows_of), p=self._shares))
        rows = self.rng.permutation(self._rows_of[kind])[:n_tasks]
        z: Tensor = self.net(self._numbers[rows], self._told(rows))
        cosines = z @ z.T / EMBEDDING_SIZE
        agreement = self._agreement[np.ix_(rows, rows)]
        is_known = torch.isfinite(agreement)
        error = self.scale.slope[kind] * cosines + self.scale.level[kind] - torch.nan_to_num(agreement)
        loss: Tensor = (error[is_known] ** 2).mean() / _USUAL_SPREAD if bool(is_known.any()) else z.sum() * 0.0
        if self.net.table is not None and self.weighing.same_table > 0:
            loss = loss + self.weighing.same_table * self._same_table(n_tasks)
        weights = [each for name, each in self.net.named_parameters() if name.endswith("weight")]
        return loss + self.weighing.decay * torch.stack([(each**2).sum() for each in weights]).sum()

    def _told(self, rows: npt.NDArray[np.int64]) -> Tensor | None:
        """Return what views of the tables tell, (B, Z); 0 where there is none, or it is left out for once."""
        if self.net.table is None:
            return None
        is_used = [
            place
            for place, row in enumerate(rows)
            if int(row) in self._table_of and self.rng.uniform() >= self.weighing.table_dropout
        ]
        told = torch.zeros((len(rows), EMBEDDING_SIZE), device=self.device)
        if not is_used:
            return told
        tables = np.array([self._table_of[int(rows[place])] for place in is_used])
        views = self.rng.integers(self.views.n_views, size=len(tables))
        return told.index_copy(0, torch.as_tensor(is_used, device=self.device), self._read(tables, views))

    def _read(self, tables: npt.NDArray[np.int64], views: npt.NDArray[np.int64]) -> Tensor:
        """Return what the branch makes of one view of each table, (len(tables), Z)."""
        if self.net.table is None:
            raise RuntimeError("an encoder without a branch for tables reads none")
        channels, is_row, is_pair = (
            torch.as_tensor(each[tables, views]).to(self.device)
            for each in (self.views.channels, self.views.is_row, self.views.is_pair)
        )
        told: Tensor = self.net.table(channels.float(), is_row, is_pair)
        return told

    def _same_table(self, n_tables: int) -> Tensor:
        """Return the loss of telling pairs of views of one table from pairs of views of tables of other families.

        exp(-gamma x distance) is the probability that two are of one table.
        """
        tables = self.rng.permutation(self.views.n_tables)[: max(n_tables // 2, 2)]
        one = self.rng.integers(self.views.n_views, size=len(tables))
        other = (one + self.rng.integers(1, self.views.n_views, size=len(tables))) % self.views.n_views
        first, second = (on_sphere(self._read(tables, views)) for views in (one, other))
        distance = torch.linalg.vector_norm(first[:, None, :] - second[None, :, :] + 1e-6, dim=-1)
        family = self._view_family[tables]
        is_same = torch.eye(len(tables), dtype=torch.bool, device=self.device)
        is_other = torch.as_tensor(np.not_equal.outer(family, family).astype(bool), device=self.device)
        far = -torch.log(-torch.expm1(-_GAMMA * distance[is_other]).clamp(max=-1e-6))
        near: Tensor = _GAMMA * distance[is_same].mean()
        return near + far.mean() if len(far) else near


def embeddings(trained: TrainedEncoder, tasks: EncoderTasks) -> npt.NDArray[np.float64]:
    """Return the embeddings of tasks, (T, Z), by the code that users run."""
    encoder = TaskEncoder(trained.arrays(), trained.card("", {}))
    rows = [encoder.embed_table(each, table) for each, table in zip(tasks.descriptions, tasks.tables, strict=True)]
    return np.array(rows).reshape(tasks.n_tasks, EMBEDDING_SIZE)


def _retrieved(net: Encoder, numbers: TaskNumbers, kept: EncoderTasks) -> float:
    """Return the mean rank correlation of similarity and agreement among tasks that were kept aside."""
    trained = TrainedEncoder(net, numbers)
    z = embeddings(trained, kept)
    found = retrieval(z @ z.T, kept.agreement, kept.families, np.arange(kept.n_tasks))
    return float(np.nanmean(found)) if np.isfinite(found).any() else 0.0
