"""The tree of errors: what its drawing says is what holds."""

import builtins
import re

import pytest

from autometa import errors

DRAWN = re.compile(r"^    (?P<branch>[│ ]*(?:├── |└── ))?(?P<name>\w+)(?:.*\((?P<builtin>\w+)\))?")


def _drawn_tree() -> dict[str, set[str]]:
    """Return the bases of each class as drawn in the docstring of the module."""
    assert errors.__doc__ is not None
    bases: dict[str, set[str]] = {}
    trail: list[str] = []
    for line in errors.__doc__.splitlines():
        match = DRAWN.match(line)
        if match is None:
            continue
        depth = len(match["branch"] or "") // 4
        trail[depth:] = [match["name"]]
        bases[match["name"]] = {name for name in (match["builtin"], *trail[:depth][-1:]) if name}
    return bases


def test_the_drawn_tree_is_the_tree_of_classes() -> None:
    drawn = _drawn_tree()
    assert len(drawn) >= 12
    for name, bases in drawn.items():
        actual = {base.__name__ for base in getattr(errors, name).__bases__}
        assert actual == bases | ({"Exception"} if name == "AutometaError" else set()), name


def test_every_class_is_drawn_and_public() -> None:
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert classes == set(errors.__all__) == set(_drawn_tree())
    assert errors.__all__ == sorted(errors.__all__)


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
def test_every_error_is_caught_as_autometa_error(name: str) -> None:
    error = getattr(errors, name)
    with pytest.raises(errors.AutometaError, match="what happened"):
        raise error("what happened")


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("DataError", "ValueError"),
        ("OptionError", "ValueError"),
        ("ConfigurationError", "ValueError"),
        ("NotKnownError", "LookupError"),
        ("ExchangeError", "ValueError"),
        ("PersistenceError", "ValueError"),
        ("MissingDependencyError", "ImportError"),
        ("EvaluationError", "RuntimeError"),
    ],
)
def test_people_who_expect_the_builtin_catch_it(name: str, builtin: str) -> None:
    with pytest.raises(getattr(builtins, builtin)):
        raise getattr(errors, name)("what happened")


def test_a_broken_machine_is_not_the_users_fault() -> None:
    assert not issubclass(errors.EvaluationError, errors.UserError)
