"""Attempts as trials of an Optuna study, readable in its dashboard, and back where a study goes on."""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from autometa._random import spawn
from autometa.errors import OptionError
from autometa.evaluation.record import Evaluation
from autometa.refinement.attempts import Attempt, Source
from autometa.refinement.naming import NamedSpaces
from autometa.refinement.objective import Objective
from autometa.space import Configuration

_STARTED_BY = "autometa"
_RESULT = "result"  # one attribute, so that a killed run has left all of it or nothing


class TrialLog:
    """A study whose trials are attempts.

    Parameters
    ----------
    study : Study
        Empty, or of an earlier refinement of the same task.
    spaces : NamedSpaces
        Of the algorithms that it searches.
    objective : Objective
        What its values are.
    identity : mapping of str to str
        What makes two refinements the same, for the one that goes on.
    seed : int
        Seed of what Optuna draws.

    Attributes
    ----------
    earlier : tuple of Attempt
        What runs of the study before this one have ended, by their numbers.

    Raises
    ------
    OptionError
        If the study is of something else, or its storage breaks; from any method.
    """

    def __init__(
        self, study: Study, spaces: NamedSpaces, objective: Objective, identity: Mapping[str, str], seed: int
    ) -> None:
        self.study = study
        self._seed = seed
        self._spaces = spaces
        self._objective = objective
        self._trials: dict[int, Trial] = {}
        with self._translated():
            _check(study, identity, objective)
            self._close_open()
            trials = [each for each in study.get_trials(deepcopy=False) if _RESULT in each.user_attrs]
        found = {each.number: each for each in map(_attempt, trials)}  # the last of an attempt that went on
        self.earlier = tuple(found[number] for number in sorted(found))

    def begin(
        self, number: int, configuration: Configuration | None, source: Source, told: Mapping[str, Any]
    ) -> Configuration:  # Any: JSON
        """Begin the trial of an attempt and return its configuration: the given one, else one that Optuna suggests."""
        with self._translated():
            if configuration is None:
                with self._sampling(_sampler(spawn(self._seed, "tpe", str(number)))):
                    trial = self.study.ask()
                    configuration = self._spaces.suggest(trial)
            else:
                params = self._spaces.to_params(configuration)
                self.study.enqueue_trial(params)
                with self._sampling(RandomSampler(seed=0)):  # nothing is left to draw, and Optuna's own takes its time
                    trial = self.study.ask()
                    self._spaces.take(trial, params)
            told = {"source": str(source), "configuration": configuration.to_json(), **told}
            for name, value in told.items():
                trial.set_user_attr(name, value)
        self._trials[number] = trial
        return configuration

    def resume(self, attempt: Attempt) -> None:
        """Have a trial for an attempt that goes on: its own, or another where that of an earlier run has ended."""
        if attempt.number not in self._trials:
            self.begin(attempt.number, attempt.configuration, attempt.source, {"goes on": True})

    def note(self, attempt: Attempt) -> None:
        """Write down how far an attempt came, which waits now."""
        with self._translated():
            self._write(attempt)

    def end(self, attempt: Attempt, *, is_cut: bool = False) -> None:
        """End the trial of an attempt with its results; one that the budget cut short is none to a later run."""
        with self._translated():
            trial = self._write(attempt, is_cut=is_cut)
            del self._trials[attempt.number]
            self._tell(trial.number, attempt)

    def _write(self, attempt: Attempt, *, is_cut: bool = False) -> Trial:
        """Write what an attempt came to into its trial, and return that."""
        trial = self._trials[attempt.number]
        trial.set_user_attr("status", str(attempt.last.status))
        for name, scores in attempt.last.fold_scores.items():
            trial.set_user_attr(name, sum(scores) / len(scores))
        if attempt.last.error:
            trial.set_user_attr("error", attempt.last.error)
        n_reported = len(trial.user_attrs.get(_RESULT, {"losses": ()})["losses"])
        for place, loss in enumerate(attempt.losses):
            if place >= n_reported and math.isfinite(loss):
                trial.report(self._objective.score_of(loss), place)
        if not is_cut:
            trial.set_user_attr(_RESULT, _content(attempt))
        return trial

    def abandon(self) -> None:
        """End the trials that are open."""
        self._trials.clear()
        with self._translated():
            self._close_open()

    def _close_open(self) -> None:
        """End the trials that this run, or one that was killed, left open: by their result, if they came to one."""
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in running:
            if _RESULT in trial.user_attrs:
                self._tell(trial.number, _attempt(trial))
            else:
                self.study.tell(trial.number, state=TrialState.FAIL)
        for _ in self.study.get_trials(
            deepcopy=False, states=(TrialState.WAITING,)
        ):  # else the next one gets its values
            self.study.tell(self.study.ask(), state=TrialState.FAIL)

    def _tell(self, trial_number: int, attempt: Attempt) -> None:
        """End a trial as its attempt ended."""
        if attempt.has_failed:
            self.study.tell(trial_number, state=TrialState.FAIL)
        elif attempt.is_whole:
            self.study.tell(trial_number, attempt.score)
        else:
            self.study.tell(trial_number, state=TrialState.PRUNED)

    @contextmanager
    def _sampling(self, sampler: BaseSampler) -> Iterator[None]:
        """Have the study draw by a sampler of one trial, so that what it draws does not depend on earlier ones."""
        usual, self.study.sampler = self.study.sampler, sampler
        try:
            yield
        finally:
            self.study.sampler = usual

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what a storage raises into our errors."""
        try:
            yield
        except StorageInternalError as error:
            words = " ".join(str(error.__cause__ or error).split())[:300]
            raise OptionError(f"the storage of study '{self.study.study_name}' breaks: {words}") from error
        except UpdateFinishedTrialError as error:
            raise OptionError(
                f"study '{self.study.study_name}' is refined by another process as well; give each a storage of its own"
            ) from error


def evaluation_content(evaluation: Evaluation) -> dict[str, Any]:  # Any: JSON
    """Return an evaluation as JSON holds it."""
    content = asdict(evaluation)
    content["configuration"] = evaluation.configuration.to_json()
    content["status"] = str(evaluation.status)
    content["fold_scores"] = {name: list(scores) for name, scores in evaluation.fold_scores.items()}
    return {name: _json_number(value) if isinstance(value, float) else value for name, value in content.items()}


def evaluation_of(content: Mapping[str, Any]) -> Evaluation:  # Any: JSON
    """Return the evaluation that `evaluation_content` wrote."""
    numbers = {
        name: math.nan if content[name] is None else content[name] for name in ("fit_seconds", "predict_seconds")
    }
    configuration = Configuration.from_json(content["configuration"])
    scores = {name: tuple(each) for name, each in content["fold_scores"].items()}
    return Evaluation(**{**content, **numbers, "configuration": configuration, "fold_scores": scores})


def _json_number(number: float) -> float | None:
    """Return a number; None for what JSON does not hold."""
    return number if math.isfinite(number) else None


def _sampler(seed: int) -> TPESampler:
    """Return what draws one trial."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # of groups, without which conditions are lost
        return TPESampler(multivariate=True, group=True, constant_liar=True, seed=seed)


def _check(study: Study, identity: Mapping[str, str], objective: Objective) -> None:
    """Raise if a study is of something else; mark a new one."""
    known = study.user_attrs.get(_STARTED_BY)
    is_maximized = study.direction is StudyDirection.MAXIMIZE
    if known is None and (study.get_trials(deepcopy=False) or is_maximized is not objective.greater_is_better):
        raise OptionError(f"study '{study.study_name}' was not begun by a refinement; give the refinement another name")
    if known is None:
        study.set_user_attr(_STARTED_BY, dict(identity))
    elif known != dict(identity):
        differing = sorted(name for name in identity if known.get(name) != identity[name])
        raise OptionError(
            f"study '{study.study_name}' refines something else: another {' and '.join(differing)}; give another name, "
            "or another storage"
        )


def _content(attempt: Attempt) -> dict[str, Any]:  # Any: JSON
    """Return what an attempt came to as JSON holds it; `_attempt` reads it."""
    return {
        "number": attempt.number,
        "is_whole": attempt.is_whole,
        "evaluations": [evaluation_content(each) for each in attempt.evaluations],
        "losses": [_json_number(loss) for loss in attempt.losses],
        "score": _json_number(attempt.score),
        "standard_error": _json_number(attempt.standard_error),
    }


def _attempt(trial: FrozenTrial) -> Attempt:
    """Return a trial as the attempt that it was; its predictions are not there any more."""
    result = trial.user_attrs[_RESULT]
    error = result["standard_error"]
    return Attempt(
        number=result["number"],
        configuration=Configuration.from_json(trial.user_attrs["configuration"]),
        source=Source(trial.user_attrs["source"]),
        is_whole=result["is_whole"],
        evaluations=tuple(evaluation_of(content) for content in result["evaluations"]),
        losses=tuple(math.inf if loss is None else float(loss) for loss in result["losses"]),
        score=math.nan if result["score"] is None else float(result["score"]),
        standard_error=math.nan if error is None else float(error),
    )
