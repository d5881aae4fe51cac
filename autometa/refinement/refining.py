"""Refining: a recommendation is tried on the table itself, and Optuna goes on from there."""

import hashlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count

import optuna
from optuna.study import Study, StudyDirection

from autometa._passwords import hide_passwords
from autometa.errors import OptionError
from autometa.evaluation.protocol import HOLDOUT_V1
from autometa.evaluation.record import Status
from autometa.evaluation.warm import Evaluators
from autometa.pipelines.learners import space_of
from autometa.recommenders.advising import Grounds
from autometa.recommenders.recommendation import Recommendation
from autometa.refinement.attempts import RUNGS_VERSION, Attempt, Rung, Source, rungs_of
from autometa.refinement.climbing import Allowance, TimeLeft, climb, cpu_seconds_of, next_to_climb
from autometa.refinement.naming import NamedSpaces
from autometa.refinement.objective import Objective
from autometa.refinement.planning import FIT_SHARE, Plan, Progress
from autometa.refinement.proposing import Proposer
from autometa.refinement.stopping import measure_stages
from autometa.refinement.storing import TrialLog

_BATCH = 4  # measurements of a budget of trials that are begun at once, whatever the number of workers
_FIRST_SHARE = 0.5  # of the time, which the first attempt may take
_N_LOOKS = 12  # attempts that are looked at on the first rung before any climbs
_LOOK_SHARE = 1 / 3  # of the time, after which the best climb even if fewer were
_LEAST_SECONDS = 0.2  # with less left, nothing is begun
_POLL_SECONDS = 0.25
_LATE_SECONDS = 0.5  # before its deadline, at which what is stopped by a limit is stopped by that


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
    to be best, or were; and Optuna's TPE. Each is measured in processes with hard limits, on the cheapest rung first,
    and waits there until it is among the best of all that were: see `autometa.refinement.attempts`. An interrupt ends
    it with what is known; so does the budget.

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
        Called with a `Progress` after every measurement, and about four times a second.
    keep : callable, optional
        Called with every attempt as it ends; with those that wait, at the end of all.

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
    rungs = rungs_of(objective.task, plan.splits, is_recorded=keep is not None)
    identity = {
        "table": objective.task.fingerprint,
        "metric": objective.name,
        "splits": plan.splits.name if plan.splits is not None else "autometa's",
        "choice to record": "yes"
        if keep is not None and rungs[-1].splits is HOLDOUT_V1
        else "no",  # else rungs are the same
        "choice of algorithms": ",".join(spaces.spaces),
        "release of autometa": hashlib.sha256(repr((spaces.spaces, RUNGS_VERSION)).encode()).hexdigest()[
            :12
        ],  # by ranges, rungs
    }
    search = _Search(objective, plan, proposer, TrialLog(study, spaces, objective, identity, plan.seed), rungs)
    search.report = report
    search.keep = keep
    was_interrupted = search.run()
    return Refinement(
        attempts=tuple(search.attempts),
        objective=objective,
        rungs=search.rungs,
        study=study,
        seconds=time.monotonic() - plan.budget.started,
        was_interrupted=was_interrupted,
    )


class _Search:
    """The search, from its first attempt to its last; one thread proposes and asks Optuna, others measure."""

    def __init__(
        self, objective: Objective, plan: Plan, proposer: Proposer, log: TrialLog, rungs: tuple[Rung, ...]
    ) -> None:
        self._objective = objective
        self._plan = plan
        self._proposer = proposer
        self._log = log
        self.rungs = rungs
        self._attempts = {each.number: each for each in log.earlier}  # as far as they came
        self._n_begun = len(self._attempts)
        self._cpu_seconds = cpu_seconds_of(plan.splits)
        earlier = frozenset(self._attempts)
        self._numbers = (number for number in count() if number not in earlier)  # a killed run leaves gaps
        self._running: dict[Future[Attempt], Attempt] = {}  # as they were before
        self._deadlines: dict[int, float] = {}  # by number of the attempt
        self._is_stopped = False  # by the user
        self.report: Callable[[Progress], None] | None = None
        self.keep: Callable[[Attempt], None] | None = None

    @property
    def attempts(self) -> list[Attempt]:
        """What was measured, by number."""
        return [self._attempts[number] for number in sorted(self._attempts)]

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
                self._evaluators.end(self._running)
                self._log.abandon()
            self._keep([each for each in self.attempts if not (each.is_whole or each.has_failed)])
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
        """Begin measurements as far as there is room, time and budget; return whether any has begun."""
        if self._plan.budget.seconds is not None:
            n_free = self._plan.n_workers - len(self._running)
        else:  # all of a batch know the same, whatever the number of workers and however fast they are
            n_free = _BATCH if not self._running else 0
        known = self.attempts
        n_before = len(self._running)
        while n_free and self._begin_next(pool, known):
            n_free -= 1
        return len(self._running) > n_before

    def _begin_next(self, pool: ThreadPoolExecutor, known: Sequence[Attempt]) -> bool:
        """Begin the next measurement; return False if there is none, or no time for it."""
        left = self._plan.budget.left(self.attempts)
        attempt = self._next(known, left) if left > _LEAST_SECONDS and not self._is_stopped else None
        if attempt is None:
            return False
        is_first = attempt.number == 0 and not attempt.losses
        deadline = time.monotonic() + (_FIRST_SHARE if is_first else 1.0) * left
        self._deadlines[attempt.number] = deadline
        allowance = Allowance(memory_bytes=self._plan.memory_bytes, deadline=deadline, cpu_seconds=self._cpu_seconds)
        self._running[pool.submit(self._measured, attempt, allowance)] = attempt
        return True

    def _next(self, known: Sequence[Attempt], left: float) -> Attempt | None:
        """Return what is measured next: what was advised, then what goes on to another rung, then what is new.

        The first ones are all looked at before any goes on, so that none takes the time of others that may be better.
        Where nothing new may begin, what was advised comes to the end of its folds.
        """
        had = {each.configuration.key for each in (*known, *self._running.values())}
        running = {each.number for each in self._running.values()}
        task, n_trials = self._objective.task, self._plan.budget.n_trials
        may_begin = n_trials is None or self._n_begun < n_trials
        is_looking = self._n_begun < _N_LOOKS and self._plan.budget.used() < _LOOK_SHARE
        if may_begin and (is_looking or self._proposer.has_advice(had)):
            return self._new(known, left)
        fitting = left + self._plan.budget.reserved(known) if self._plan.budget.reserve is not None else math.inf
        time_left = TimeLeft(climbing=left, fitting=fitting)
        climber = next_to_climb(known, self.rungs, task, time_left, running=running)
        if climber is None and may_begin:
            return self._new(known, left)
        if climber is None:
            for_all = [replace(each, keep_share=1.0) for each in self.rungs if each.splits is not HOLDOUT_V1]
            advised = [each for each in known if each.source is Source.ADVISED]
            climber = next_to_climb(advised, for_all, task, time_left, running=running)
        if climber is not None:
            self._log.resume(climber)
        return climber

    def _new(self, known: Sequence[Attempt], left: float) -> Attempt:
        """Return a new attempt, whose trial has begun."""
        seconds = self._plan.budget.seconds
        number = next(self._numbers)
        proposal = self._proposer.propose(
            number,
            known,
            {each.configuration.key for each in self._running.values()},
            max_seconds=math.inf if seconds is None else FIT_SHARE * seconds,
            seconds_left=left,
        )
        self._n_begun += 1
        configuration = proposal.configuration
        if proposal.source is not Source.STOPPED or configuration is None:  # else its trial begins when it is known
            configuration = self._log.begin(number, configuration, proposal.source, proposal.told)
        return Attempt(
            number=number, configuration=configuration, source=proposal.source, is_whole=False, evaluations=()
        )

    def _measured(self, attempt: Attempt, allowance: Allowance) -> Attempt:
        """Return an attempt after its next rung; in a worker's thread."""
        with self._evaluators.lent() as evaluator:
            evaluator.start()  # the time that it takes is not the attempt's, but the deadline stays
            if attempt.source is Source.STOPPED:
                return measure_stages(evaluator, self.rungs, self._objective, attempt, allowance)
            return climb(evaluator, self.rungs, self._objective, attempt, allowance)

    def _take(self, done: list[Future[Attempt]]) -> None:
        """Take in what was measured, in the order of its numbers."""
        measured = [(self._running.pop(future), future.result()) for future in done]
        for before, attempt in sorted(measured, key=lambda pair: pair[1].number):
            if attempt.source is Source.STOPPED:
                self._log.begin(attempt.number, attempt.configuration, attempt.source, {})
            is_late = time.monotonic() > self._deadlines[attempt.number] - _LATE_SECONDS
            is_cut = is_late and attempt.last.status is Status.TIMED_OUT
            if is_cut and before.losses:  # it stays where it was
                continue
            self._attempts[attempt.number] = attempt
            if attempt.is_whole or attempt.has_failed:
                self._keep([attempt])  # before it counts as done: a killed run does it again, and keeps it then
                self._log.end(attempt, is_cut=is_cut)
            else:
                self._log.note(attempt)
        if self.report is not None:
            whole = [each for each in self.attempts if each.is_whole]
            self.report(
                Progress(
                    n_attempts=len(self._attempts),
                    best=min(whole, key=lambda each: (each.loss, each.number)) if whole else None,
                    last=self._attempts[max(a.number for _, a in measured)] if measured else None,
                    seconds_left=self._plan.budget.left(self.attempts),
                )
            )

    def _keep(self, attempts: Sequence[Attempt]) -> None:
        """Give attempts to whoever keeps them."""
        for each in attempts:
            if self.keep is not None:
                self.keep(each)


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
