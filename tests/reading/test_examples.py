"""The example tables are what their script writes."""

import importlib.util
from pathlib import Path

import pandas as pd

EXAMPLES = Path(__file__).parents[2] / "data" / "examples"


def test_the_example_tables_are_those_that_the_script_writes(tmp_path: Path) -> None:
    specification = importlib.util.spec_from_file_location("make_examples", EXAMPLES / "make.py")
    assert specification is not None
    assert specification.loader is not None
    make = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(make)
    make.main(tmp_path)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(path.name for path in EXAMPLES.glob("*.csv"))
    for name in written:
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / name), pd.read_csv(EXAMPLES / name))
        assert (EXAMPLES / name).stat().st_size < 200_000
