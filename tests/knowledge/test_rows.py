"""How an evaluation lies in a row."""

import json
import math
import struct

import pytest

from autometa.errors import OptionError
from autometa.evaluation.record import Status
from autometa.knowledge.rows import (
    STATUSES,
    evaluation_row,
    metafeatures_json,
    metafeatures_values,
    pack_folds,
    to_json,
    unpack_folds,
)
from autometa.metric import metrics_of
from autometa.task_kind import TaskKind
from tests.knowledge.conftest import MakeEvaluation, MakeTask


@pytest.mark.parametrize("kind", TaskKind)
def test_fold_scores_come_back_equal_to_the_bit(kind: TaskKind) -> None:
    scores = {metric.name: (0.1 + 0.2, math.pi / 10**number, 5e-324) for number, metric in enumerate(metrics_of(kind))}
    assert unpack_folds(pack_folds(scores, kind), kind) == scores


def test_an_absent_metric_is_absent_after_unpacking() -> None:
    scores = {"accuracy": (0.5, 1.0), "f1_macro": (0.25, 0.75)}
    assert unpack_folds(pack_folds(scores, TaskKind.BINARY), TaskKind.BINARY) == scores


def test_no_fold_scores_are_packed_as_nothing() -> None:
    assert pack_folds({}, TaskKind.BINARY) is None
    assert unpack_folds(None, TaskKind.BINARY) == {}


def test_packed_folds_take_one_byte_and_eight_per_metric_and_fold() -> None:
    packed = pack_folds({"r2": (0.5, 0.25, 0.75)}, TaskKind.REGRESSION)
    assert packed is not None
    assert len(packed) == 1 + 3 * 3 * 8
    assert packed[0] == 3
    assert struct.unpack("<3d", packed[-24:]) == (0.5, 0.25, 0.75)  # r2 is the last of rmse, mae, r2


def test_folds_packed_when_there_were_fewer_metrics_can_be_read() -> None:
    packed = struct.pack("<B2d", 2, 1.5, 2.5)
    assert unpack_folds(packed, TaskKind.REGRESSION) == {"rmse": (1.5, 2.5)}


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x00",
        b"\x02" + b"\x00" * 15,
        b"\x01" + b"\x00" * 8 * 9,  # nine metrics
        struct.pack("<B2d", 2, math.nan, 0.5),
        struct.pack("<B2d", 2, 0.5, math.nan),
    ],
)
def test_bytes_that_are_no_fold_scores_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="fold scores"):
        unpack_folds(packed, TaskKind.REGRESSION)


def test_more_folds_than_one_byte_can_count_are_refused() -> None:
    with pytest.raises(OptionError, match="300 folds"):
        pack_folds({"r2": (0.5,) * 300}, TaskKind.REGRESSION)


def test_a_score_that_the_kind_of_task_does_not_have_is_refused(
    make_task: MakeTask, make_evaluation: MakeEvaluation
) -> None:
    evaluation = make_evaluation(make_task(), fold_scores={"accuracy": (0.5,), "r2": (0.5,)})
    with pytest.raises(OptionError, match=r"'r2' of a binary task"):
        evaluation_row(evaluation, TaskKind.BINARY)


def test_the_stored_numbers_of_the_statuses_never_change() -> None:
    assert STATUSES == (Status.OK, Status.FAILED, Status.TIMED_OUT, Status.OUT_OF_MEMORY)


def test_metafeatures_come_back_with_nine_digits_and_nan() -> None:
    values = {"a": 1 / 3, "b": math.nan, "c": 1e300, "d": -0.0}
    found = metafeatures_values(metafeatures_json(values))
    assert found["a"] == 0.333333333
    assert math.isnan(found["b"])
    assert found["c"] == 1e300
    assert list(found) == ["a", "b", "c", "d"]


def test_json_of_text_that_no_database_takes_comes_back() -> None:
    text = to_json({"name": "half a pair: \udce9, ü, 日本"})
    assert json.loads(text.encode("utf-8")) == {"name": "half a pair: \udce9, ü, 日本"}
