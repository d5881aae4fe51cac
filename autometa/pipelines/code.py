"""Code as a tree, and how it is laid out on lines, much as ruff would."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_INDENT = 4
_MAX_HUGGED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracketed:
    """Code between brackets: a call, a list, a tuple, a dict.

    Parameters
    ----------
    opening, closing : str
        All before and after the items, as ``"sorted("`` and ``")"``.
    items : tuple of Item
        What stands between commas.

    Examples
    --------
    >>> word = Item(code='"sky"')
    >>> flat(Bracketed(opening="sorted([", items=(word, word), closing="])"))
    'sorted(["sky", "sky"])'
    """

    opening: str
    items: "tuple[Item, ...]"
    closing: str


Code = str | Bracketed


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How much room code takes.

    Parameters
    ----------
    width : int
        Characters of a line, but for one that holds nothing but a long string.
    is_dense : bool
        Whether several items share a line where each needs less than one; plain values do in any case.
    is_packed : bool
        Whether lines are filled as those of a paragraph, whatever is inside of what.
    """

    width: int = 100
    is_dense: bool = False
    is_packed: bool = False


READABLE = Layout()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a `Bracketed`: its code, and what stands before it, such as ``"seed="`` or ``'"a": '``."""

    code: Code
    before: str = ""


def flat(code: Code) -> str:
    """Return code on one line."""
    if isinstance(code, str):
        return code
    inside = ", ".join(_flat_item(item) for item in code.items)
    is_pair = code.opening == "(" and len(code.items) == 1
    return f"{code.opening}{inside}{',' * is_pair}{code.closing}"


def lay_out(code: Code, layout: Layout = READABLE, *, before: str = "", after: str = "", indent: int = 0) -> list[str]:
    """Return code on as many lines as it takes; none ends in a line break.

    Parameters
    ----------
    code : str or Bracketed
        What is laid out; a string is never broken.
    layout : Layout
        How much room it takes.
    before, after : str
        What stands on the first line before it, and on the last line after it.
    indent : int
        Blanks before the first line.
    """
    line = " " * indent + before + flat(code) + after
    if len(line) <= layout.width or isinstance(code, str) or not code.items:
        return [line]
    if layout.is_packed:
        return _packed([*_pieces(code, before, after)], layout, indent)
    code = _hugged(code)
    body = _body(code.items, layout, indent + _INDENT)
    return [" " * indent + before + code.opening, *body, " " * indent + code.closing + after]


def _flat_item(item: Item) -> str:
    """Return an item on one line."""
    return item.before + flat(item.code)


def _hugged(code: Bracketed) -> Bracketed:
    """Return a call of a list and little else, or a tuple that ends in a call, with both brackets on one line."""
    if not code.items:
        return code
    first, *others = code.items
    if isinstance(first.code, Bracketed) and not first.before and first.code.opening == "[":
        rest = "".join(f", {_flat_item(item)}" for item in others)
        if len(rest) <= _MAX_HUGGED:
            return Bracketed(
                opening=code.opening + first.code.opening,
                items=first.code.items,
                closing=first.code.closing + rest + code.closing,
            )
    *others, last = code.items
    if isinstance(last.code, str) or last.before or not all(isinstance(item.code, str) for item in others):
        return code
    opening = code.opening + "".join(f"{_flat_item(item)}, " for item in others)
    inner = _hugged(last.code)
    if len(opening) > _MAX_HUGGED:
        return code
    return Bracketed(opening=opening + inner.opening, items=inner.items, closing=inner.closing + code.closing)


def _body(items: tuple[Item, ...], layout: Layout, indent: int) -> list[str]:
    """Return the lines of the items of a call or list."""
    start = " " * indent
    words = [_flat_item(item) for item in items]
    are_words = all(isinstance(item.code, str) for item in items)
    if are_words and len(start) + len(", ".join(words)) <= layout.width:
        return [start + ", ".join(words)]
    are_values = are_words and not any(item.before for item in items)
    if not layout.is_dense and not are_values:
        return [
            line for item in items for line in lay_out(item.code, layout, before=item.before, after=",", indent=indent)
        ]
    lines, line = [], start
    for item, word in zip(items, words, strict=True):
        if len(start) + len(word) + 1 > layout.width:
            lines += [
                *([line.rstrip()] if line != start else []),
                *lay_out(item.code, layout, before=item.before, after=",", indent=indent),
            ]
            line = start
            continue
        if len(line) + len(word) + 1 > layout.width:
            lines.append(line.rstrip())
            line = start
        line += f"{word}, "
    return [*lines, *([line.rstrip()] if line != start else [])]


def _pieces(code: Code, before: str, after: str) -> Iterator[str]:
    """Yield code in pieces between which a line may be broken; those that end in a comma, a blank is to follow."""
    if isinstance(code, str) or not code.items:
        yield before + flat(code) + after
        return
    yield before + code.opening
    last = len(code.items) - 1
    is_pair = code.opening == "(" and last == 0
    for place, item in enumerate(code.items):
        yield from _pieces(item.code, item.before, "," if place < last else "," * is_pair + code.closing + after)


def _packed(pieces: list[str], layout: Layout, indent: int) -> list[str]:
    """Return as few lines as hold the pieces, all but the first one further in."""
    lines = [" " * indent + pieces[0]]
    for before, piece in pairwise(pieces):
        blank = " " * before.endswith(",")
        if len(lines[-1]) + len(blank) + len(piece) <= layout.width:
            lines[-1] += blank + piece
        else:
            lines.append(" " * (indent + _INDENT) + piece)
    return lines
