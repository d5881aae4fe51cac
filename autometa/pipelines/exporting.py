"""`export_script`: a pipeline written out as a short script that needs pandas and scikit-learn, and no autometa."""

import importlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any  # Any: objects of libraries without types

import pandas as pd

from autometa._characters import escape_controls
from autometa.metric import Metric
from autometa.pipelines.building import build
from autometa.pipelines.code import READABLE, Layout, flat, lay_out
from autometa.pipelines.expressing import STEP_LINES, Expressions, public_module, quoted
from autometa.pipelines.rereading import Rereading
from autometa.reading.wording import enumerate_names
from autometa.space import Configuration
from autometa.task import ColumnKind
from autometa.task_kind import TaskKind

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

MAX_LINES = 80
"""What is no part of the pipeline is left out of a script that would be longer."""

NO_BREAK = "\u00a0"
"""Stands in a remark for a blank at which no line ends."""

_MAX_LISTED = 30  # characters of a list that is written twice
_DENSE = Layout(is_dense=True)
_DENSEST = Layout(width=120, is_dense=True)
_PACKED = Layout(is_dense=True, is_packed=True)
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
_SCORERS = {
    "log_loss": ("neg_log_loss", "-"),
    "rmse": ("neg_root_mean_squared_error", "-"),
    "mae": ("neg_mean_absolute_error", "-"),
}
# Of a fold that lacks a class, as `autometa.evaluation.scoring` has them: scikit-learn's scorers refuse it, or warn.
_ALIGNED = (
    "def score(model, X, y):  # of a fold; what it could not learn has the probability 0",
    "    given = pd.DataFrame(model.predict_proba(X), columns=model.classes_, dtype=float)",
    "    given = given.div(given.sum(axis=1), axis=0).reindex(columns=classes, fill_value=0)",
)
_LACKING = {
    "log_loss": (*_ALIGNED, "    return log_loss(y, given, labels=classes)"),
    "roc_auc": (
        *_ALIGNED,
        "    there = [name for name in classes if 0 < sum(y == name) < len(y)]",
        "    return pd.Series([roc_auc_score(y == name, given[name]) for name in there]).mean()",
    ),
    "balanced_accuracy": (
        "def score(model, X, y):  # of a fold: the mean recall of the classes that it has",
        "    return (model.predict(X) == y).groupby(y).mean().mean()",
    ),
}
_SCORED_BY = {"log_loss": "log_loss", "roc_auc": "roc_auc_score"}  # of sklearn.metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """How a script measures its pipeline.

    Parameters
    ----------
    metric : Metric
        The score.
    n_folds : int
        Number of folds, shuffled, and stratified for classes.
    is_lacking : bool
        Whether a class has fewer rows than there are folds, so that some lack it.
    """

    metric: Metric
    n_folds: int
    is_lacking: bool = False

    @property
    def own_score(self) -> tuple[str, ...]:
        """The lines of a function that scores a fold, where scikit-learn has no scorer for it."""
        return _LACKING.get(self.metric.name, ()) if self.is_lacking else ()


def export_script(  # noqa: PLR0913 - what a pipeline is built from, and what a script says beside it
    configuration: Configuration,
    *,
    kind: TaskKind,
    column_kinds: Mapping[str, ColumnKind],
    rereading: Rereading,
    validation: Validation | None = None,
    remarks: Sequence[str] = (),
    seed: int = 0,
) -> str:
    """Return a script that reads a table, fits the pipeline of `build`, and prints predictions as CSV.

    It imports pandas, scikit-learn, the learner's library, and skrub and NumPy where a step is of theirs. Its first
    argument may name a file with further rows, for which it predicts then. It has `MAX_LINES` at most, unless that many
    columns are not numbers that it cannot; to that end first the layout becomes denser, then the columns of the most
    frequent kind are told by all the others, then the measurement goes.

    Parameters
    ----------
    configuration, kind, column_kinds, seed
        As for `build`.
    rereading : Rereading
        How pandas reads the table.
    validation : Validation, optional
        How the pipeline is measured first; by default it is not.
    remarks : sequence of str
        What stands in comments at the top.

    Raises
    ------
    ConfigurationError
        As `build`.
    MissingDependencyError
        As `build`.

    Examples
    --------
    >>> import pandas as pd
    >>> how = Rereading(path="a.csv", target="y", reader=pd.read_csv, arguments={}, conversions={}, unused=("id",))
    >>> script = export_script(
    ...     Configuration(algorithm="decision_tree", values={"max_depth": 3}),
    ...     kind=TaskKind.REGRESSION,
    ...     column_kinds={"width": ColumnKind.NUMERIC},
    ...     rereading=how,
    ... )
    >>> [line for line in script.splitlines() if "DecisionTree" in line or "read_csv" in line]
    ['from sklearn.tree import DecisionTreeRegressor', '    return pd.read_csv(path)', \
'    ("learner", DecisionTreeRegressor(max_depth=3, random_state=0)),']
    """
    pipeline = build(configuration, kind=kind, column_kinds=column_kinds, seed=seed)
    lines: list[str] = []
    for shape in _SHAPES:
        script = _Script(kind=kind, rereading=rereading, seed=seed, shape=shape)
        attempt = script.lines(pipeline, validation, remarks)
        lines = attempt if not lines or len(attempt) < len(lines) else lines
        if len(lines) <= MAX_LINES:
            break
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """How much of a script there is, and how much room that takes."""

    layout: Layout
    has_rest: bool = False
    is_measured: bool = False
    is_brief: bool = False


_SHAPES = (  # the most readable first
    _Shape(layout=READABLE, is_measured=True),
    _Shape(layout=_DENSE, is_measured=True),
    _Shape(layout=_DENSE, is_measured=True, has_rest=True),
    _Shape(layout=_DENSE),
    _Shape(layout=_DENSE, has_rest=True),
    _Shape(layout=_DENSEST),
    _Shape(layout=_DENSEST, has_rest=True),
    _Shape(layout=_PACKED),
    _Shape(layout=_PACKED, has_rest=True),
    _Shape(layout=_PACKED, is_brief=True),
    _Shape(layout=_PACKED, has_rest=True, is_brief=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Columns that are treated alike, under the name of a variable."""

    variable: str
    names: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    """A script that is being written."""

    kind: TaskKind
    rereading: Rereading
    seed: int
    shape: _Shape

    def lines(self, pipeline: Any, validation: Validation | None, remarks: Sequence[str]) -> list[str]:
        """Return the lines of the script."""
        found = Expressions()
        found.need("sys")
        found.need("pandas")
        groups = [
            _Group(variable=f"{name}_columns", names=names)
            for prepare in _column_transformers(pipeline)
            for name, _, names in prepare.transformers
        ]
        rest = max(groups, key=lambda group: len(group.names)) if self.shape.has_rest else None
        told = self._told_lines(found, groups, rest)
        for group in groups:
            found.name(group.names, group.variable)
        reading = self._reading_lines(found, [group for group in groups if group is not rest])
        table = self._table_lines(found, groups, rest)
        steps = self._pipeline_lines(found, pipeline)
        validation = validation if self.shape.is_measured else None
        ending = [*self._measuring_lines(found, validation), *self._ending_lines()]
        parts = [
            [*self._head_lines(remarks, found.modules), *found.import_lines(self.shape.layout)],
            told,
            STEP_LINES if found.has_steps else (),
            reading,
            table,
            steps,
            validation.own_score if validation is not None else (),
            ending,
        ]
        return self._apart([part for part in parts if part])

    def _apart(self, parts: Sequence[Sequence[str]]) -> list[str]:
        """Return the lines of parts, with as many blank lines between them as Python's style asks for, or one."""
        lines: list[str] = list(parts[0])
        for before, part in pairwise(parts):
            is_function = before[0].startswith("def ") or part[0].startswith("def ")
            lines += ["", *([""] if is_function and not self.shape.layout.is_dense else []), *part]
        return lines

    def _told_lines(self, found: Expressions, groups: list[_Group], rest: _Group | None) -> list[str]:
        """Return the columns by name; for the most frequent kind, all that are not of it."""
        lines: list[str] = []
        for group in groups:
            if group is not rest:
                lines += found.lines(f"{group.variable} = ", group.names, self.shape.layout)
        if rest is not None:
            others = [self.rereading.target, *self.rereading.unused]
            lines += found.lines("other_columns = ", others, self.shape.layout)
        return lines

    def _reading_lines(self, found: Expressions, groups: list[_Group]) -> list[str]:
        """Return the function that reads a file."""
        how = self.rereading
        path = object()
        found.name(path, "path")
        call = found.call(how.reader, (path,), how.arguments)
        lines = found.lines("table = ", call, _DENSE, indent=4)
        for names, calls in how.conversions.items():
            listed = next((group.variable for group in groups if group.names == list(names)), "")
            listed = listed or flat(found.code(list(names)))
            if len(listed) > _MAX_LISTED:
                lines += found.lines("names = ", list(names), _DENSE, indent=4)
                listed = "names"
            some = f"table[{listed}]"
            lines += lay_out(found.chain(some, calls), _DENSE, before=f"{some} = ", indent=4)
        if not how.conversions:
            lines = found.lines("return ", call, _DENSE, indent=4)
        return ["def read(path):  # the table in a file", *lines, *(["    return table"] if how.conversions else [])]

    def _table_lines(self, found: Expressions, groups: list[_Group], rest: _Group | None) -> list[str]:
        """Return what reads the table, and takes columns and target from it."""
        how = self.rereading
        target = f"table[{quoted(how.target)}]"
        dropped = f"dropna(subset=[{quoted(how.target)}], ignore_index=True)"
        lines = [f"table = read({quoted(how.path)}).{dropped}"]
        if how.target_cleaning or len(lines[0]) > self.shape.layout.width:
            lines = [f"table = read({quoted(how.path)})"]
            if how.target_cleaning:
                lines += lay_out(found.chain(target, how.target_cleaning), _DENSE, before=f"{target} = ")
            lines += [f"table = table.{dropped}"]
        if how.max_rows is not None:
            share, wished = f"{how.max_rows} / len(table)", "  # as wished for; without it all rows are learned"
            if self.kind.is_classification:  # two rows of each class at least, as far as there are
                name = quoted(how.target)
                lines += [f"rows = table.sample(frac=1, random_state={self.seed}).groupby({name})[{name}]{wished}"]
                lines += [f'kept = rows.cumcount() < ({share} * rows.transform("size")).round().clip(lower=2)']
                lines += ["table = table[kept.sort_index()]"]
            else:
                lines += [f"table = table.sample(frac={share}, random_state={self.seed}){wished}"]
        if rest is not None:
            spread = "".join(f", *{group.variable}" for group in groups if group is not rest)
            lines += [f"others = {{*other_columns{spread}}}"]
            lines += [f"{rest.variable} = [name for name in table.columns if name not in others]"]
        before = f"X, y = table.drop(columns={quoted(how.target)}), "
        lines += lay_out(found.chain(target, how.target_conversion), _DENSE, before=before)
        return lines

    def _pipeline_lines(self, found: Expressions, pipeline: Any) -> list[str]:
        """Return what makes the pipeline: a variable for the columns of each kind, then the whole."""
        lines: list[str] = []
        for name, step in pipeline.steps:
            if step not in _column_transformers(pipeline):
                continue
            with found.inside(step):
                for part, transformer, _ in step.transformers:
                    lines += found.lines(f"{part} = ", transformer, self.shape.layout)
                    found.name(transformer, part)
            lines += found.lines(f"{name} = ", step, self.shape.layout)
            found.name(step, name)
        return lines + found.lines("pipeline = ", pipeline, self.shape.layout)

    def _measuring_lines(self, found: Expressions, validation: Validation | None) -> list[str]:
        """Return what measures the pipeline, if that is wanted."""
        if validation is None:
            return []
        from sklearn.model_selection import cross_val_score

        name = validation.metric.name
        scorer, sign = _SCORERS.get(name, (name, ""))
        if scorer == "roc_auc" and self.kind is TaskKind.MULTICLASS:
            scorer = "roc_auc_ovr"
        scoring = quoted(scorer)
        lines = self._fold_lines(found, validation)
        if validation.own_score:
            lines += ["classes = sorted(set(y))"]
            scoring, sign = "score", ""
            if name in _SCORED_BY:
                found.need("sklearn.metrics", _SCORED_BY[name])
        found.need(public_module(cross_val_score), cross_val_score.__name__)
        shown = f'f"{name} of {validation.n_folds} folds: {{{sign}scores.mean():.4g}}"'
        return [
            *lines,
            f"scores = cross_val_score(pipeline, X, y, cv=folds, scoring={scoring})",
            f"print({shown}, file=sys.stderr)",
            "",
        ]

    def _fold_lines(self, found: Expressions, validation: Validation) -> list[str]:
        """Return what makes the folds: scikit-learn's, or where those refuse a class, rows of each dealt like cards."""
        from sklearn.model_selection import KFold, PredefinedSplit, StratifiedKFold

        if not validation.is_lacking:
            splitter = StratifiedKFold if self.kind.is_classification else KFold
            return found.lines("folds = ", splitter(validation.n_folds, shuffle=True, random_state=self.seed))
        found.need(public_module(PredefinedSplit), PredefinedSplit.__name__)
        return [
            f'dealt = y.sample(frac=1, random_state={self.seed}).sort_values(kind="stable").index',
            f"folds = PredefinedSplit(pd.Series(range(len(y)), dealt)[y.index] % {validation.n_folds})",
        ]

    def _ending_lines(self) -> list[str]:
        """Return what fits the pipeline, and predicts."""
        lines = [
            "pipeline.fit(X, y)",
            "rows = read(sys.argv[1]) if len(sys.argv) > 1 else X",
            'predicted = pd.DataFrame({"prediction": pipeline.predict(rows)})',
        ]
        if self.kind.is_classification:
            lines += [
                'names = [f"p({label})" for label in pipeline.classes_]',
                "predicted = predicted.join(pd.DataFrame(pipeline.predict_proba(rows), columns=names))",
            ]
        return [*lines, "predicted.to_csv(sys.stdout, index=False)"]

    def _head_lines(self, remarks: Sequence[str], modules: Sequence[str]) -> list[str]:
        """Return the comments at the top."""
        how = self.rereading
        modules = [*modules, *(["pyarrow"] if how.reader in (pd.read_parquet, pd.read_feather) else [])]
        versions = ["==".join((_DISTRIBUTIONS.get(name, name), _version(name))) for name in modules]
        unused = [f"Not used: {enumerate_names(how.unused)}."] if how.unused else []
        remarks = [
            f"Learns {quoted(how.target)} from {quoted(how.path)}; predicts for it, or the file that is its argument.",
            *remarks,
            *unused,
        ]
        width = self.shape.layout.width - 2
        if self.shape.is_brief:
            remarks = [textwrap.shorten(remark, width, placeholder=" ...") for remark in remarks]
        remarks = [*remarks, f"Seed: {self.seed}. Needs: pip install {' '.join(versions)}"]
        wrapped = [textwrap.wrap(_comment(remark), width, break_on_hyphens=False) for remark in remarks]
        return [f"# {line.replace(NO_BREAK, ' ')}" for lines in wrapped for line in lines]


def _column_transformers(pipeline: Any) -> "list[ColumnTransformer]":
    """Return the steps of a pipeline that treat columns by their kind."""
    from sklearn.compose import ColumnTransformer

    return [step for _, step in pipeline.steps if isinstance(step, ColumnTransformer)]


def _version(module: str) -> str:
    """Return the version of a library that is here."""
    return str(importlib.import_module(module).__version__)


def _comment(text: str) -> str:
    """Return a text on one line that cannot end a comment."""
    return escape_controls(text.encode("utf-8", errors="backslashreplace").decode())
