"""What OpenML lists of runs, page by page: evaluations, and the setups that they belong to."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autometa.errors import NotOfferedError, SourceError
from autometa.sources.openml.connection import Connection
from autometa.sources.openml.flows import Setup

_SETUPS_AT_ONCE = 100  # more make an address too long for some servers
_RUNS_AT_ONCE = 100
_LEAST_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One evaluation of a run.

    Parameters
    ----------
    run, task, setup : int
        OpenML's numbers.
    flow : str
        Name of the flow with its version.
    value : float or None
        What was measured.
    """

    run: int
    task: int
    setup: int
    flow: str
    value: float | None


def list_pages(
    connection: Connection,
    measure: str,
    *,
    tasks: Sequence[int],
    flows: Sequence[int] | None,
    page_size: int,
) -> Iterator[list[Listed]]:
    """Iterate over the pages of a measure's evaluations on tasks; of some flows alone, where these are given.

    Each is asked for when it is wanted. One that does not come is asked for in smaller pieces. One that OpenML says
    there is none of is the end; a short one is not, since servers have limits of their own.

    Raises
    ------
    SourceError
        If a page does not come, after all attempts, or has nothing that did not come before: it would never end.
    """
    seen: set[int] = set()
    offset, size = 0, page_size
    while True:
        try:
            page = _page(connection, measure, tasks, flows, (offset, size))
        except NotOfferedError:
            return
        except SourceError:
            if size <= _LEAST_PAGE:
                raise
            size = max(size // 10, _LEAST_PAGE)  # what a server has no time for at once
            continue
        if not page:
            return
        runs = {each.run for each in page}
        if runs <= seen:
            raise SourceError(
                f"OpenML lists runs again that came before, as {offset + 1:,} and on; report it to OpenML"
            )
        seen |= runs
        yield page
        offset += len(page)


def list_runs(connection: Connection, measure: str, runs: Sequence[int]) -> dict[int, float]:
    """Return what another measure is of some runs, of those that have it.

    Raises
    ------
    SourceError
        If it does not come, after all attempts.
    """
    import openml

    found: dict[int, float] = {}
    for start in range(0, len(runs), _RUNS_AT_ONCE):
        chunk = list(runs[start : start + _RUNS_AT_ONCE])
        listed = connection.ask_for_more(
            f"{measure} of {len(chunk)} runs",
            lambda chunk=chunk: openml.evaluations.list_evaluations(  # type: ignore[misc]
                measure, size=len(chunk), runs=chunk
            ),
        )
        found |= {run: each.value for run, each in (listed or {}).items() if each.value is not None}
    return found


def list_setups(connection: Connection, flows: dict[int, str]) -> dict[int, Setup]:
    """Return the setups with these numbers, each with the name of its flow.

    Raises
    ------
    SourceError
        If they do not come, after all attempts.
    """
    import openml

    found: dict[int, Setup] = {}
    wanted = list(flows)
    for start in range(0, len(wanted), _SETUPS_AT_ONCE):
        chunk = wanted[start : start + _SETUPS_AT_ONCE]
        listed = connection.ask_for_more(
            f"{len(chunk)} setups",
            lambda chunk=chunk: openml.setups.list_setups(setup=chunk, output_format="object"),  # type: ignore[misc]
        )
        for number, setup in (listed or {}).items():
            if int(number) not in flows:
                continue
            settings = tuple(
                (sys.intern(str(each.flow_name)), sys.intern(str(each.parameter_name)), each.value)
                for each in (setup.parameters or {}).values()
            )
            found[int(number)] = Setup(flow=flows[int(number)], settings=settings)
    return found


def _page(
    connection: Connection, measure: str, tasks: Sequence[int], flows: Sequence[int] | None, at: tuple[int, int]
) -> list[Listed]:
    """Return the evaluations from an offset on, as many as a page has at most."""
    import openml

    offset, size = at

    def call() -> list[Listed]:
        found = openml.evaluations.list_evaluations(
            measure, offset=offset, size=size, tasks=list(tasks), flows=list(flows) if flows else None
        )
        return [
            Listed(
                run=int(each.run_id),
                task=int(each.task_id),
                setup=int(each.setup_id),
                flow=sys.intern(str(each.flow_name)),
                value=each.value,
            )
            for each in found.values()
        ]

    return connection.ask(f"runs {offset + 1} to {offset + size}", call)
