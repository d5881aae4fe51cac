"""`autometa similar`, run as a user runs it."""

import json
from pathlib import Path

from tests.conftest import Command


def test_the_nearest_known_tasks_are_listed_with_what_won_there(autometa: Command, examples: Path) -> None:
    result = autometa("similar", str(examples / "wine.csv"), "-k", "4", "-f", "json")
    assert result.returncode == 0, result.stderr
    content = json.loads(result.stdout)
    assert (content["task"]["kind"], content["by"], len(content["similar"])) == ("multiclass", "embedding", 4)
    similarities = [each["similarity"] for each in content["similar"]]
    assert similarities == sorted(similarities, reverse=True)
    assert all(-1.0 <= each <= 1.0 for each in similarities)
    for each in content["similar"]:
        assert each["best"]["algorithm"]
        assert each["score"] >= 0.0
        assert min(each["n_rows"], each["n_columns"], each["n_tried"]) > 0


def test_meta_features_give_the_order_of_describe(autometa: Command, examples: Path) -> None:
    table = str(examples / "diabetes.csv")
    found = json.loads(autometa("similar", table, "--by", "metafeatures", "-k", "5", "-f", "json").stdout)
    described = json.loads(autometa("describe", table, "-f", "json").stdout)["known_tasks"]
    assert [each["name"] for each in found["similar"]] == [each["name"] for each in described]


def test_the_list_for_people_has_a_line_for_each_task(autometa: Command, examples: Path) -> None:
    printed = autometa("similar", str(examples / "wine.csv"), "-k", "3", "--by", "both").stdout
    head, *rows = printed[printed.index("task  ") :].splitlines()
    assert head.split() == ["task", "similarity", "rows", "columns", "best", "log_loss", "of"]
    assert len(rows) == 3
    assert "similarity: share of known tasks that are less alike" in printed


def test_a_wrong_way_is_refused_in_one_line(autometa: Command, examples: Path) -> None:
    refused = autometa("similar", str(examples / "wine.csv"), "--by", "name")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: no way 'name' to compare tasks; choose one of: embedding, metafeatures, both\n"
