"""Refining: a recommendation is tried on the table itself, and Optuna goes on from there."""

import hashlib
import math
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import optuna
from optuna.study import Study, StudyDirection

from autometa._passwords import hide_passwords
from autometa.errors import OptionError
from autometa.evaluation.limits import Limits
from autometa.evaluation.protocol import OwnSplits
from autometa.evaluation.record import Status
from autometa.evaluation.warm import Evaluators
from autometa.pipelines.learners import space_of
from autometa.recommenders.advising import Grounds
from autometa.recommenders.recommendation import Recommendation
from autometa.refinement.attempts import Allowance, Attempt, Ladder, Rung, Source, cpu_seconds_of, measure, rungs_of
from autometa.refinement.naming import NamedSpaces
from autometa.refinement.objective import Objective
from autometa.refinement.proposing import Proposal, Proposer
from autometa.refinement.stopping import measure_stages
from autometa.refinement.storing import TrialLog

_BATCH = 4  # attempts of a budget of trials that are proposed at once, whatever the number of workers
_FIRST_SHARE = 0.5  # of the time, which the first attempt may take
_LEAST_SECONDS = 0.2  # with less left, nothing is begun
_FIT_SHARE = 0.25  # of the time, which a fit on the whole table may be predicted to take
_POLL_SECONDS = 0.25
_LATE_SECONDS = 0.5  # before its deadline, at which what is stopped by a limit is stopped by that


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long a refinement goes on.

    Parameters
    ----------
    seconds : float, optional
        On the clock, from ``started`` on.
    n_trials : int, optional
        Attempts in all, those of earlier runs of the study included.
    started : float
        As `time.monotonic` tells it.
    reserve : callable, optional
        Given the attempts so far, the seconds to leave for what comes after.

    Raises
    ------
    OptionError
        If there is no limit, or it is not positive.
    """

    seconds: float | None = None
    n_trials: int | None = None
    started: float = field(default_factory=time.monotonic)
    reserve: Callable[[Sequence[Attempt]], float] | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.n_trials is None:
            raise OptionError("a refinement needs a budget: seconds, a number of trials, or both")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise OptionError(f"the seconds of a refinement must be positive and finite, got {self.seconds}")
        if self.n_trials is not None and self.n_trials < 1:
            raise OptionError(f"a refinement needs one trial or more, got {self.n_trials}")

    def left(self, attempts: Sequence[Attempt]) -> float:
        """Return the seconds that are left for attempts; infinite without a limit."""
        if self.seconds is None:
            return math.inf
        reserved = self.reserve(attempts) if self.reserve is not None else 0.0
        return self.started + self.seconds - reserved - time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a refinement is: attempts so far, the best whole one, the last, and seconds left (infinite: unknown)."""

    n_attempts: int
    best: Attempt | None
    last: Attempt | None
    seconds_left: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refinement:
    """What a refinement found.

    Parameters
    ----------
    attempts : tuple of Attempt
        In the order in which they were begun: the advised ones first.
    objective : Objective
        What was made small.
    rungs : tuple of Rung
        What the attempts climbed.
    study : Study
        The trials behind it.
    seconds : float
        That it took on the clock.
    was_interrupted : bool
        Whether the user stopped it.
    """

    attempts: tuple[Attempt, ...]
    objective: Objective
    rungs: tuple[Rung, ...] = field(repr=False)
    study: Study = field(repr=False)
    seconds: float
    was_interrupted: bool = False

    @property
    def ranked(self) -> tuple[Attempt, ...]:
        """Attempts that came to an end, best first: whole ones, then by how far they came; failures are left out."""
        good = [each for each in self.attempts if not each.has_failed]
        return tuple(sorted(good, key=lambda a: (-len(a.losses), a.losses[-1], a.number)))

    @property
    def best(self) -> Attempt | None:
        """The best one that is whole; None if there is none."""
        ranked = self.ranked
        return ranked[0] if ranked and ranked[0].is_whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a refinement is done.

    Parameters
    ----------
    budget : Budget
        How long.
    splits : OwnSplits, optional
        The user's own; default: see `autometa.refinement.attempts`.
    n_workers : int
        Attempts that are measured at once, on a core each.
    memory_bytes : int
        That one may use.
    seed : int
        Seed of all that is drawn. Under a budget of trials alone, same seed, same attempts.
    storage : str, optional
        URL of Optuna's storage, in which a refinement that was killed goes on; default: in memory.
    study_name : str, optional
        Default: from the task and the metric.
    evaluators : Evaluators, optional
        As many as workers, which have started already; closed at the end.
    """

    budget: Budget
    splits: OwnSplits | None = None
    n_workers: int = 1
    memory_bytes: int = Limits().memory_bytes
    seed: int = 0
    storage: str | None = None
    study_name: str | None = None
    evaluators: Evaluators | None = field(default=None, repr=False)


def refine(
    grounds: Grounds,
    recommendation: Recommendation,
    objective: Objective,
    plan: Plan,
    *,
    report: Callable[[Progress], None] | None = None,
    keep: Callable[[Attempt], None] | None = None,
) -> Refinement:
    """Try the advised configurations on the table, in their order, and go on from what they score.

    After them by turns: what the recommender proposes, told of all results; configurations near those that are expected
    to be best, or were; and Optuna's TPE. Each is measured in processes with hard limits, on cheap rungs first: see
    `autometa.refinement.attempts`. An interrupt ends it with what is known; so does the budget.

    Parameters
    ----------
    grounds : Grounds
        What the advice was drawn from.
    recommendation : Recommendation
        The advice.
    objective : Objective
        What is made small.
    plan : Plan
        How.
    report : callable, optional
        Called with a `Progress` after every attempt, and about four times a second.
    keep : callable, optional
        Called with every attempt as it ends.

    Raises
    ------
    OptionError
        If the storage holds something else under the name, or the user's metric fails.
    EvaluationError
        If the machinery of evaluation breaks.
    """
    proposer = Proposer(grounds, recommendation, plan.seed)
    kind = objective.task.kind
    spaces = NamedSpaces({name: space_of(name, kind) for name in sorted(proposer.algorithms)})
    study = _study(objective, plan)
    identity = {
        "table": objective.task.fingerprint,
        "metric": objective.name,
        "splits": plan.splits.name if plan.splits is not None else "autometa's",
        "choice of algorithms": ",".join(spaces.spaces),
        "release of autometa": hashlib.sha256(repr(spaces.spaces).encode()).hexdigest()[:12],  # by its ranges
    }
    search = _Search(objective, plan, proposer, TrialLog(study, spaces, objective, identity, plan.seed))
    search.report = report
    search.keep = keep
    was_interrupted = search.run()
    return Refinement(
        attempts=tuple(sorted(search.attempts, key=lambda each: each.number)),
        objective=objective,
        rungs=search.rungs,
        study=study,
        seconds=time.monotonic() - plan.budget.started,
        was_interrupted=was_interrupted,
    )


class _Search:
    """The search, from its first attempt to its last; one thread proposes and asks Optuna, others measure."""

    def __init__(self, objective: Objective, plan: Plan, proposer: Proposer, log: TrialLog) -> None:
        self._objective = objective
        self._plan = plan
        self._proposer = proposer
        self._log = log
        self.rungs = rungs_of(objective.task, plan.splits)
        self._ladder = Ladder(self.rungs, proposer.n_advised)
        self.attempts: list[Attempt] = list(log.earlier)
        for each in self.attempts:
            for place, loss in enumerate(each.losses):
                self._ladder.goes_on(each.number, place, loss)
        self._n_begun = len(self.attempts)
        self._cpu_seconds = cpu_seconds_of(plan.splits)
        earlier = {each.number for each in self.attempts}
        self._numbers = (number for number in count() if number not in earlier)  # a killed run leaves gaps
        self._running: dict[Future[Attempt], str] = {}
        self._deadlines: dict[int, float] = {}  # by number of the attempt
        self._is_stopped = False  # by the user
        self.report: Callable[[Progress], None] | None = None
        self.keep: Callable[[Attempt], None] | None = None

    def run(self) -> bool:
        """Search until the budget is used; return whether the user stopped it."""
        pool = ThreadPoolExecutor(self._plan.n_workers)
        self._evaluators = self._plan.evaluators or Evaluators(self._plan.n_workers)
        with self._noting_interrupts():
            try:
                while not self._is_stopped and (self._fill(pool) or self._running):
                    done = wait(self._running, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED).done
                    self._take(list(done))
            except KeyboardInterrupt:
                self._is_stopped = True
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                while running := [each for each in self._running if not each.done()]:
                    self._evaluators.stop()  # again and again: a thread between two measurements starts a server anew
                    wait(running, timeout=_POLL_SECONDS)
                self._evaluators.close()
                self._log.abandon()
        return self._is_stopped

    @contextmanager
    def _noting_interrupts(self) -> Iterator[None]:
        """Take note of an interrupt, so that no trial is left half told; a second one is raised at once."""
        is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not is_usual or threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, frame: object) -> None:
            if self._is_stopped:
                raise KeyboardInterrupt
            self._is_stopped = True

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _fill(self, pool: ThreadPoolExecutor) -> bool:
        """Begin attempts as far as there is room, time and budget; return whether more will come."""
        if not self._may_begin():
            return False
        if self._plan.budget.seconds is not None:
            n_free = self._plan.n_workers - len(self._running)
        else:  # all of a batch know the same, whatever the number of workers and however fast they are
            n_free = _BATCH - self._n_begun % _BATCH if not self._running else 0
        known = sorted(self.attempts, key=lambda each: each.number)
        among = frozenset(each.number for each in known) if self._plan.budget.seconds is None else None
        for _ in range(n_free):
            if not self._may_begin():
                break
            self._begin(pool, known, among)
        return True

    def _may_begin(self) -> bool:
        """Return whether the budget allows another attempt."""
        budget = self._plan.budget
        if self._is_stopped:
            return False
        if budget.n_trials is not None and self._n_begun >= budget.n_trials:
            return False
        return budget.left(self.attempts) > _LEAST_SECONDS

    def _begin(self, pool: ThreadPoolExecutor, known: Sequence[Attempt], among: Collection[int] | None) -> None:
        """Begin one attempt."""
        seconds = self._plan.budget.seconds
        max_fit_seconds = math.inf if seconds is None else _FIT_SHARE * seconds
        number = next(self._numbers)
        proposal = self._proposer.propose(number, known, set(self._running.values()), max_fit_seconds)
        attempt = self._begun(number, proposal)
        share = _FIRST_SHARE if number == 0 else 1.0
        deadline = time.monotonic() + share * self._plan.budget.left(self.attempts)
        self._deadlines[number] = deadline
        allowance = Allowance(memory_bytes=self._plan.memory_bytes, deadline=deadline, cpu_seconds=self._cpu_seconds)
        future = pool.submit(self._measured, attempt, allowance, among)
        self._running[future] = attempt.configuration.key
        self._n_begun += 1

    def _begun(self, number: int, proposal: Proposal) -> Attempt:
        """Return an attempt whose trial has begun."""
        configuration = proposal.configuration
        if proposal.source is not Source.STOPPED or configuration is None:  # else its trial begins when it is known
            configuration = self._log.begin(number, configuration, proposal.source, proposal.told)
        return Attempt(
            number=number, configuration=configuration, source=proposal.source, is_whole=False, evaluations=()
        )

    def _measured(self, attempt: Attempt, allowance: Allowance, among: Collection[int] | None) -> Attempt:
        """Return an attempt after its climb; in a worker's thread."""
        with self._evaluators.lent() as evaluator:
            evaluator.start()  # the time that it takes is not the attempt's, but the deadline stays
            if attempt.source is Source.STOPPED:
                return measure_stages(evaluator, self._ladder, self._objective, attempt, allowance)
            return measure(evaluator, self._ladder, self._objective, attempt, allowance, among=among)

    def _take(self, done: list[Future[Attempt]]) -> None:
        """Take in what has ended, in the order of its numbers."""
        ended = []
        for future in done:
            del self._running[future]
            ended.append(future.result())
        for attempt in sorted(ended, key=lambda each: each.number):
            if attempt.source is Source.STOPPED:
                self._log.begin(attempt.number, attempt.configuration, attempt.source, {})
            if self.keep is not None:  # before it counts as done: a killed run does it again, and keeps it then
                self.keep(attempt)
            is_late = time.monotonic() > self._deadlines[attempt.number] - _LATE_SECONDS
            self._log.end(attempt, is_cut=is_late and attempt.last.status is Status.TIMED_OUT)
            self.attempts.append(attempt)
        if self.report is not None:
            whole = [each for each in self.attempts if each.is_whole]
            self.report(
                Progress(
                    n_attempts=len(self.attempts),
                    best=min(whole, key=lambda each: (each.loss, each.number)) if whole else None,
                    last=self.attempts[-1] if ended else None,
                    seconds_left=self._plan.budget.left(self.attempts),
                )
            )


def _study(objective: Objective, plan: Plan) -> Study:
    """Return the study, of its storage if there is one."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = plan.study_name or f"autometa {objective.task.name} {objective.name} {objective.task.fingerprint[:8]}"
    direction = StudyDirection.MAXIMIZE if objective.greater_is_better else StudyDirection.MINIMIZE
    try:
        return optuna.create_study(storage=plan.storage, study_name=name, direction=direction, load_if_exists=True)
    except Exception as error:  # whatever a storage's driver raises, of which Optuna has many
        place = hide_passwords(plan.storage or "memory")
        message = hide_passwords(" ".join(str(error).split()))[:300]
        raise OptionError(
            f"cannot open the storage '{place}': {type(error).__name__}: {message}; give a URL like sqlite:///study.db"
        ) from error
