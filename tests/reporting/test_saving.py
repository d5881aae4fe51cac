"""A report enters its file whole, or not at all."""

from pathlib import Path

import pytest

from autometa.errors import OptionError
from autometa.reporting.saving import check_place, save


def test_a_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    save("first", path, force=False)
    with pytest.raises(OptionError, match="--force"):
        save("second", path, force=False)
    assert path.read_text() == "first"
    save("second é", path, force=True)
    assert path.read_text(encoding="utf-8") == "second é"
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_places_that_cannot_be_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is a folder"):
        check_place(tmp_path, force=True)
    with pytest.raises(OptionError, match="no folder"):
        check_place(tmp_path / "nowhere" / "report.html", force=False)
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="no folder"):
        check_place(tmp_path / "file" / "report.html", force=False)


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot write"):
        save("text", tmp_path / ("x" * 300), force=False)
    with pytest.raises(UnicodeEncodeError):
        save("half \ud800", tmp_path / "report.html", force=False)
    assert list(tmp_path.iterdir()) == []
