"""Runs at the loopback's OpenML: pages of evaluations and setups that come from a formula, of any number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

import arff
import numpy as np
import pandas as pd

from tests.openml_files import element, xml
from tests.openml_http import Answer, Request, refusal
from tests.openml_server import OpenMLServer

OML = "{http://openml.org/openml}"
FOREST = "sklearn.ensemble.forest.RandomForestClassifier"
STATED = {
    "bootstrap": "true", "class_weight": "null", "criterion": '"gini"', "max_depth": "null", "max_features": '"auto"',
    "max_leaf_nodes": "null", "min_impurity_decrease": "0.0", "min_impurity_split": "null",
    "min_samples_leaf": "1", "min_samples_split": "2", "min_weight_fraction_leaf": "0.0", "n_estimators": "100",
    "n_jobs": "1", "oob_score": "false", "random_state": "1", "verbose": "0", "warm_start": "false",
}  # fmt: skip
PLAIN = {
    "NumberOfInstances": 30, "NumberOfFeatures": 3, "NumberOfClasses": 2, "NumberOfMissingValues": 0,
    "NumberOfSymbolicFeatures": 1, "MajorityClassPercentage": 50, "MinStdDevOfNumericAtts": 0.5,
}  # fmt: skip


@dataclass(slots=True)
class Runs:
    """What the server has: ``n_runs`` of flows on tasks, their setups and values by the number of the run.

    Every third run is of Weka, all others of a random forest whose number of trees tells the setup.
    """

    tasks: Sequence[int]
    n_runs: int
    n_setups: int
    n_data: Callable[[int], int] = field(default=lambda task: task)

    def setup(self, run: int) -> int:
        """Return the number of a run's setup."""
        return 1 + run // len(self.tasks) % self.n_setups

    def value(self, measure: str, run: int) -> float:
        """Return what a measure is of a run."""
        return float(np.round(0.5 + 0.4 * np.sin(run * len(measure)), 6))

    def is_weka(self, setup: int) -> bool:
        """Return whether a setup is of Weka."""
        return setup % 3 == 0

    def listed(self, measure: str, run: int) -> str:
        """Return how OpenML lists an evaluation."""
        setup = self.setup(run)
        task = self.tasks[run % len(self.tasks)]
        values = {
            "run_id": 1000 + run, "task_id": task, "setup_id": setup, "flow_id": 60 if self.is_weka(setup) else 70,
            "flow_name": "weka.J48(1)" if self.is_weka(setup) else f"{FOREST}(7)", "function": measure,
            "data_id": self.n_data(task), "data_name": f"table_{task}", "uploader": 1,
            "upload_time": "2017-01-01 00:00:00", "value": self.value(measure, run),
        }  # fmt: skip
        inside = "".join(element(name, value) for name, value in values.items())
        return f"<oml:evaluation>{inside}</oml:evaluation>"

    def described(self, setup: int) -> str:
        """Return how OpenML lists a setup."""
        flow, stated = FOREST, STATED | {"n_estimators": str(49 + setup)}
        if self.is_weka(setup):
            flow, stated = "weka.J48", {"C": str(setup / 1000), "M": "2"}
        parameters = "".join(
            "<oml:parameter>"
            + element("id", 10_000 * setup + number) + element("flow_id", 70) + element("flow_name", flow)
            + element("full_name", f"{flow}(7)_{name}") + element("parameter_name", name)
            + element("data_type", "option") + element("default_value", "1") + element("value", value)
            + "</oml:parameter>"
            for number, (name, value) in enumerate(stated.items())
        )  # fmt: skip
        about = element("setup_id", setup) + element("flow_id", 60 if self.is_weka(setup) else 70)
        return f"<oml:setup>{about}{parameters}</oml:setup>"


def filters(words: str) -> dict[str, str]:
    """Return the filters in a path: "limit/100/offset/0" and so on."""
    parts = words.strip("/").split("/")
    return dict(zip(parts[::2], parts[1::2], strict=True))


def add_runs(server: OpenMLServer, runs: Runs) -> None:
    """Have the lists of runs, setups and users."""

    def evaluations(request: Request) -> Answer:
        measure, wanted = request.match[1], filters(request.match[2])
        if "run" in wanted:
            numbers = [int(run) - 1000 for run in wanted["run"].split(",")]
        else:
            tasks = {int(task) for task in wanted["task"].split(",")}
            flows = {int(flow) for flow in wanted["flow"].split(",")} if "flow" in wanted else {60, 70}
            numbers = [
                run
                for run in range(runs.n_runs)
                if runs.tasks[run % len(runs.tasks)] in tasks and (60 if runs.is_weka(runs.setup(run)) else 70) in flows
            ]
        offset, limit = int(wanted.get("offset", 0)), int(wanted.get("limit", 10_000))
        page = numbers[offset : offset + limit]
        if not page:
            return refusal(542, "No results")
        return _answer(xml("evaluations", "".join(runs.listed(measure, run) for run in page)))

    def setups(request: Request) -> Answer:
        numbers = [int(setup) for setup in filters(request.match[1])["setup"].split(",")]
        return _answer(xml("setups", "".join(map(runs.described, numbers))))

    def users(request: Request) -> Answer:
        user = f"<oml:user>{element('id', 1)}{element('username', 'someone')}</oml:user>"
        return _answer(xml("users", user))

    server.route("GET", r"evaluation/list/function/([a-z_]+)/(.*)$", evaluations)
    server.route("GET", r"setup/list/(.*)$", setups)
    server.route("GET", r"user/list/.*$", users)


def add_tasks(
    server: OpenMLServer, numbers: Sequence[int], qualities: Mapping[int, Mapping[str, float]] | None = None
) -> None:
    """Have small tables with two classes, each with a task of its number, and other qualities where these are given."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 2)).round(3), columns=["a", "b"])
    frame["y"] = pd.Categorical(np.where(frame["a"] > 0, "yes", "no"))
    for number in numbers:
        server.add_table(
            number, frame, target="y", name=f"table {number}", qualities=(qualities or {}).get(number, PLAIN)
        )
        server.add_task(number, number)


def _answer(body: str) -> Answer:
    """Return an answer of XML."""
    return Answer(body=body.encode())


class Desk:
    """Takes flows and runs as OpenML does, checks that they are well-formed, and keeps what arrived."""

    def __init__(self, server: OpenMLServer) -> None:
        self.flows: dict[int, bytes] = {}
        self.runs: list[dict[str, bytes]] = []
        server.route("POST", r"flow/exists$", self.exists)
        server.route("POST", r"flow/$", self.take_flow)
        server.route("GET", r"flow/(\d+)$", self.give_flow)
        server.route("POST", r"run/$", self.take_run)

    def exists(self, request: Request) -> Answer:
        wanted = (request.fields["name"], request.fields["external_version"])
        for number, content in self.flows.items():
            root = ElementTree.fromstring(content)
            if (root.findtext(f"{OML}name"), root.findtext(f"{OML}external_version")) == wanted:
                return _answer(xml("flow_exists", element("exists", "true") + element("id", number)))
        return _answer(xml("flow_exists", element("exists", "false") + element("id", -1)))

    def take_flow(self, request: Request) -> Answer:
        ElementTree.fromstring(request.files["description"])
        self.flows[500 + len(self.flows)] = request.files["description"]
        return _answer(xml("upload_flow", element("id", max(self.flows))))

    def give_flow(self, request: Request) -> Answer:
        number = int(request.match[1])
        words = self.flows[number].decode()
        about = element("id", number) + element("version", 1) + element("upload_date", "2024-01-01T00:00:00")
        return Answer(body=words.replace("<oml:name>", about + "<oml:name>", 1).encode())

    def take_run(self, request: Request) -> Answer:
        root = ElementTree.fromstring(request.files["description"])
        assert int(root.findtext(f"{OML}flow_id", "")) in self.flows
        arff.loads(request.files["predictions"].decode())
        self.runs.append(dict(request.files))
        return _answer(xml("upload_run", element("run_id", 9000 + len(self.runs))))
