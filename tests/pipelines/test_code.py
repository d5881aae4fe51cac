import ast

import pytest

from autometa.pipelines.code import READABLE, Bracketed, Code, Item, Layout, flat, lay_out

LAYOUTS = [READABLE, Layout(is_dense=True), Layout(width=40), Layout(is_dense=True, is_packed=True, width=60)]


def call(name: str, *arguments: Code, **named: Code) -> Bracketed:
    items = [Item(code=argument) for argument in arguments]
    items += [Item(code=value, before=f"{parameter}=") for parameter, value in named.items()]
    return Bracketed(opening=f"{name}(", items=tuple(items), closing=")")


def listed(*values: Code) -> Bracketed:
    return Bracketed(opening="[", items=tuple(Item(code=value) for value in values), closing="]")


def pair(name: str, value: Code) -> Bracketed:
    return Bracketed(opening="(", items=(Item(code=name), Item(code=value)), closing=")")


SHORT = call("sorted", listed("1", "2"), reverse="True")
LONG = call(
    "Pipeline",
    listed(
        pair('"first"', call("Scaler", a_parameter="1.0", another_parameter="2.0", one_more="'x, (y'")),
        pair(
            '"second"', call("Learner", call("Inside", listed(*map(str, range(100, 150))), n="3"), **{"last_one": "4"})
        ),
    ),
    memory="None",
)


def test_code_that_fits_is_one_line() -> None:
    assert lay_out(SHORT, before="x = ") == ["x = sorted([1, 2], reverse=True)"]


@pytest.mark.parametrize("layout", LAYOUTS, ids=repr)
@pytest.mark.parametrize("indent", [0, 4])
def test_code_on_many_lines_is_the_same_code(layout: Layout, indent: int) -> None:
    lines = lay_out(LONG, layout, before="x = ", indent=indent)
    assert len(lines) > 1
    assert max(map(len, lines)) <= layout.width
    assert all(line.startswith(" " * indent) and line == line.rstrip() for line in lines)
    text = "\n".join(line[indent:] for line in lines)
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(f"x = {flat(LONG)}"))


def test_a_call_of_a_list_opens_both_brackets_on_one_line() -> None:
    lines = lay_out(LONG, before="x = ")
    assert (lines[0], lines[-1]) == ("x = Pipeline([", "], memory=None)")
    assert lines[1].startswith('    ("first", Scaler(')


def test_values_fill_their_lines_and_arguments_have_each_its_own_unless_dense() -> None:
    values = lay_out(listed(*map(str, range(1000, 1050))))
    assert len(values) == 2 + 4
    named = call("f", **{f"parameter_{i}": str(i) for i in range(20)})
    assert len(lay_out(named)) == 2 + 20
    assert len(lay_out(named, Layout(is_dense=True))) < 8


def test_a_tuple_of_one_keeps_its_comma() -> None:
    assert flat(Bracketed(opening="(", items=(Item(code="1"),), closing=")")) == "(1,)"
    one = Bracketed(opening="(", items=(Item(code=f'"{"x" * 50}"'),), closing=")")
    for layout in (Layout(width=20), Layout(width=20, is_packed=True)):
        assert ast.literal_eval("\n".join(lay_out(one, layout))) == ("x" * 50,)


def test_a_string_that_is_too_long_stays_whole() -> None:
    word = f'"{"x" * 200}"'
    assert lay_out(listed(word)) == ["[", f"    {word},", "]"]
