"""An OpenML on the loopback: it answers what the installed `openml` package asks, and fails where a test wants it to.

It offers nothing at first. `add_shared` gives it the real files of ../shared/openml, `add_table`, `add_task` and
`add_suite` tables, tasks and suites of a test's own; `add` and `route` anything else. What it does not have is refused
as OpenML does, by 412 with a code. `fail` puts a fault before a route.

    with OpenMLServer() as server:
        server.add_table(31, frame, target="class")
        server.fail("GET /api/v1/xml/data/31", status(504), times=2)  # of tests.openml_http
"""

import hashlib
import io
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import pandas as pd

from tests.openml_files import element, feature, readdressed, to_arff, to_splits, xml
from tests.openml_http import Answer, Handler, Request, Route, refusal, status

API = "/api/v1/xml"
APIKEY = "0123456789abcdef0123456789abcdef"

# What OpenML answers for an entity that it does not have: code and message, by how the path below the API begins.
UNKNOWN = {
    "data/features/": (271, "Unknown dataset"),
    "data/qualities/": (361, "Unknown dataset"),
    "data/list": (372, "No results"),
    "data/": (111, "Unknown dataset"),
    "task/list": (482, "No results"),
    "task/": (151, "Unknown task"),
    "study/": (601, "Unknown study"),
    "flow/exists": (330, "Please provide name"),
    "flow/list": (500, "No results"),
    "flow/": (181, "Unknown flow"),
    "setup/list": (674, "No results"),
    "setup/": (281, "Unknown setup"),
    "evaluation/list": (542, "No results"),
    "run/list": (512, "No results"),
    "run/": (236, "Unknown run"),
}


@dataclass(slots=True)
class _Fault:
    pattern: "re.Pattern[str]"
    answer: Answer
    times: float


@dataclass(slots=True)
class _Table:
    """What the server has of a table of a test's own."""

    frame: pd.DataFrame
    target: str | None
    splits: dict[int, bytes] = field(default_factory=dict)


class OpenMLServer:
    """Answers on a port of the loopback while the block is open; `asked` lists what it was asked, as "GET /path"."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._routes: list[tuple[str, re.Pattern[str], Route]] = []
        self._faults: list[_Fault] = []
        self._tables: dict[int, _Table] = {}
        self._lock = threading.Lock()
        self._is_closing = threading.Event()
        handler = type("BoundHandler", (Handler,), {"openml": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Answer nothing any more: connections are refused from now on."""
        self._is_closing.set()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    @property
    def root(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """What `openml.config.server` is to be."""
        return self.root + API

    def n_asked(self, pattern: str) -> int:
        """Return how often something was asked whose "METHOD /path" matches from its beginning."""
        return sum(re.match(pattern, each) is not None for each in self.asked)

    # What it has ------------------------------------------------------------------------------------------------

    def add(self, path: str, body: str | bytes, *, content_type: str = "text/xml; charset=utf-8") -> None:
        """Answer GET of a path, below the API unless it begins with a slash, by this body."""
        content = body.encode() if isinstance(body, str) else body
        answer = Answer(body=content, content_type=content_type)
        self.route("GET", re.escape(_full(path)) + "$", lambda request: answer)

    def route(self, method: str, pattern: str, route: Route) -> None:
        """Answer what matches a pattern, below the API unless it begins with a slash, by a function; the last wins."""
        self._routes.append((method, re.compile(_full(pattern)), route))

    def fail(self, pattern: str, answer: Answer, *, times: float = float("inf")) -> None:
        """Give this answer, so many times, to what matches "METHOD /path" from its beginning."""
        self._faults.append(_Fault(re.compile(pattern), answer, times))

    def mend(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def add_shared(self, folder: Path) -> None:
        """Have the real files of ../shared/openml, with the addresses of their data here."""
        for described in sorted(folder.glob("datasets/*/description.xml")):
            self._add_shared_dataset(described.parent)
        for described in sorted(folder.glob("tasks/*/task.xml")):
            number = described.parent.name
            address = f"/api_splits/get/{number}/Task_{number}_splits.arff"
            self.add(
                f"task/{number}", readdressed(described.read_text("utf-8"), "data_splits_url", self.root + address)
            )
            self.add(address, (described.parent / "datasplits.arff").read_bytes(), content_type="text/plain")
        iris = folder / "mock_responses" / "datasets" / "data_description_61.xml"
        self.add("data/61", readdressed(iris.read_text("utf-8"), "url", self.root + "/data/v1/download/61/iris.arff"))
        self.add("setup/1", (folder / "api/v1/xml/setup/1/body.xml").read_bytes())
        self.add("run/100", (folder / "runs/1/description.xml").read_bytes())

    def _add_shared_dataset(self, folder: Path) -> None:
        """Have a data set of ../shared/openml."""
        number = folder.name
        address = f"/data/v1/download/{number}/dataset.arff"
        description = (folder / "description.xml").read_text("utf-8")
        self.add(f"data/{number}", readdressed(description, "url", self.root + address))
        self.add(address, (folder / "dataset.arff").read_bytes(), content_type="text/plain; charset=utf-8")
        for name in ("features", "qualities"):
            if (folder / f"{name}.xml").is_file():
                self.add(f"data/{name}/{number}", (folder / f"{name}.xml").read_bytes())

    def add_table(
        self,
        number: int,
        frame: pd.DataFrame,
        *,
        target: str | None,
        name: str = "",
        version: int = 1,
        licence: str | None = "CC BY 4.0",
        row_id: str | None = None,
        ignore: Sequence[str] = (),
        is_parquet: bool = False,
        qualities: Mapping[str, float] | None = None,
    ) -> None:
        """Have a table as a data set: categories are nominal, numbers numeric, all else strings.

        ``qualities`` take the place of the true ones: numbers of rows, columns (the target too) and classes.
        """
        self._tables[number] = _Table(frame, target)
        arff = to_arff(frame, name or f"table_{number}").encode()
        address = f"/data/v1/download/{number}/table.arff"
        parquet = None
        if is_parquet:
            content = io.BytesIO()
            frame.to_parquet(content, index=False)
            parquet = f"/datasets/0000/{number:04d}/dataset_{number}.pq"
            self.add(parquet, content.getvalue(), content_type="application/octet-stream")
        described = [
            element("id", number),
            element("name", name or f"table_{number}"),
            element("version", version),
            element("description", "Made up by a test."),
            element("format", "ARFF"),
            element("licence", licence),
            element("url", self.root + address),
            element("parquet_url", parquet and self.root + parquet),
            element("default_target_attribute", target),
            element("row_id_attribute", row_id),
            *(element("ignore_attribute", each) for each in ignore),
            element("status", "active"),
            element("md5_checksum", hashlib.md5(arff).hexdigest()),
        ]
        self.add(f"data/{number}", xml("data_set_description", "\n".join(filter(None, described))))
        self.add(address, arff, content_type="text/plain; charset=utf-8")
        flags = {"is_target": [target], "is_ignore": ignore, "is_row_identifier": [row_id]}
        features = [feature(place, frame.iloc[:, place], flags) for place in range(frame.shape[1])]
        self.add(f"data/features/{number}", xml("data_features", "\n".join(features)))
        counted = {"NumberOfInstances": len(frame), "NumberOfFeatures": frame.shape[1], "NumberOfClasses": 0}
        if target in frame and isinstance(frame[target].dtype, pd.CategoricalDtype):
            counted["NumberOfClasses"] = frame[target].nunique()
        listed = [
            f"<oml:quality>{element('name', name)}{element('value', value)}</oml:quality>"
            for name, value in (counted if qualities is None else qualities).items()
        ]
        self.add(f"data/qualities/{number}", xml("data_qualities", "\n".join(listed)))

    def add_task(
        self,
        number: int,
        dataset: int,
        *,
        target: str | None = None,
        type_id: int = 1,
        procedure: int = 1,
        n_folds: int = 3,
        n_repeats: int = 1,
    ) -> None:
        """Have a task on a table of `add_table`: classification (type 1) or regression (2), by cross-validation."""
        table = self._tables[dataset]
        splits = to_splits(len(table.frame), n_folds, n_repeats, seed=number)
        address = f"/api_splits/get/{number}/Task_{number}_splits.arff"
        self.add(address, splits, content_type="text/plain; charset=utf-8")
        parameters = {"number_repeats": n_repeats, "number_folds": n_folds, "stratified_sampling": "false"}
        listed = "".join(f'<oml:parameter name="{name}">{value}</oml:parameter>' for name, value in parameters.items())
        kind = {1: "Supervised Classification", 2: "Supervised Regression", 5: "Clustering", 7: "Survival Analysis"}[
            type_id
        ]
        inputs = [
            f'<oml:input name="source_data"><oml:data_set>{element("data_set_id", dataset)}'
            f"{element('target_feature', target or table.target)}</oml:data_set></oml:input>",
            f'<oml:input name="estimation_procedure"><oml:estimation_procedure>{element("id", procedure)}'
            f"{element('type', 'crossvalidation')}{element('data_splits_url', self.root + address)}"
            f"{listed}</oml:estimation_procedure></oml:input>",
        ]
        described = element("task_id", number) + element("task_type_id", type_id) + element("task_type", kind)
        self.add(f"task/{number}", xml("task", described + "".join(inputs)))

    def add_suite(self, number: int, tasks: Sequence[int], alias: str = "") -> None:
        """Have a benchmark suite of tasks."""
        described = [
            element("id", number),
            element("alias", alias or f"suite-{number}"),
            element("main_entity_type", "task"),
            element("name", f"Suite {number}"),
            element("description", "Made up by a test."),
            element("status", "active"),
            element("creation_date", "2024-01-01 00:00:00"),
            element("creator", 1),
            "<oml:tasks>" + "".join(element("task_id", task) for task in tasks) + "</oml:tasks>",
        ]
        for name in (str(number), alias or f"suite-{number}"):
            self.add(f"study/{name}", xml("study", "\n".join(described)))

    # What it answers --------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, fields: Mapping[str, str], files: Mapping[str, bytes]) -> Answer:
        """Return what is answered: a fault, if one is wished for, else what a route gives, else a refusal."""
        asked = f"{method} {path}"
        with self._lock:
            self.asked.append(asked)
            for fault in self._faults:
                if fault.times > 0 and fault.pattern.match(asked):
                    fault.times -= 1
                    return fault.answer
        for wanted, pattern, route in reversed(self._routes):
            match = pattern.match(path)
            if match and wanted == ("GET" if method == "HEAD" else method):
                return route(Request(method=method, path=path, fields=fields, files=files, match=match))
        below = path.removeprefix(API + "/")
        for beginning, (code, message) in UNKNOWN.items():
            if below != path and below.startswith(beginning):
                return refusal(code, message)
        return status(404)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the server is closed."""
        self._is_closing.wait(seconds)


def _full(path: str) -> str:
    """Return a path with that of the API before it, unless it begins with a slash."""
    return path if path.startswith("/") else f"{API}/{path}"
