"""`Connection`: asking OpenML, bounded in time, with patience for what passes, and errors of one line.

The `openml` library is configured by its user as always: server, API key and cache directory are those of its own
configuration. It waits for an answer without end, and has a policy of its own for asking again; here every question is
put in a thread that is given up after a time, and the policy is ours. Whatever else a question would change outside of
itself (warnings, the root logger) is put back after it.
"""

import logging
import pickle
import queue
import re
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from autometa.errors import DataError, NotOfferedError, OptionError, SourceError

T = TypeVar("T")

_NOT_THERE = re.compile(r"unknown|no results|not found|no (qualities|features|\w+ found)|does not exist", re.IGNORECASE)
_NO_RESULTS = (372, 482, 500, 512, 542, 674)  # what OpenML answers to a question for a list that is empty
_DATABASE_FAILED = 107  # the only refusal that passes
_STATUS = re.compile(r"Status code: (\d+)")
_CAUSE = "(Caused by "
_KEY = re.compile(r"(api_key=)[^&\s'\")]+")
_WORDS = 160  # characters of a foreign message that are told
_lock = threading.RLock()  # the library's settings are those of the process


class _PassingError(Exception):
    """What may pass by itself, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How OpenML is asked.

    Parameters
    ----------
    is_offline : bool
        Whether nothing is asked at all, and what is in the cache must do.
    seconds : float
        An answer that takes longer is given up.
    data_seconds : float
        The same for a file of data, or of splits.
    n_attempts : int
        So often something is asked at most, while the answer is none or a broken one.
    pause_seconds : float
        Before it is asked a second time; doubled before each further one.
    advice : str
        What to do where no answer came.

    Raises
    ------
    OptionError
        If a time or the number of attempts makes no sense.

    Examples
    --------
    >>> Connection(is_offline=True).ask("data set 31", lambda: 1 / 0)
    Traceback (most recent call last):
    autometa.errors.SourceError: offline, OpenML is not asked for data set 31; leave out --offline once
    """

    is_offline: bool = False
    seconds: float = 60.0
    data_seconds: float = 600.0
    n_attempts: int = 3
    pause_seconds: float = 1.0
    advice: str = "what came before is kept, so try again later"

    def __post_init__(self) -> None:
        if min(self.seconds, self.data_seconds) <= 0 or self.n_attempts < 1 or self.pause_seconds < 0:
            raise OptionError(f"OpenML needs time to answer and an attempt at least, got {self}")

    @property
    def cache(self) -> Path:
        """The folder in which the library keeps what this server gave."""
        return Path(_library().config.get_cache_directory())

    @property
    def server(self) -> str:
        """The address that is asked, without a key."""
        return str(_library().config.server)

    def ask(self, what: str, call: Callable[[], T], *, is_data: bool = False) -> T:
        """Return what a call of the `openml` library returns.

        Parameters
        ----------
        what : str
            What is asked for, as messages call it: "data set 31".
        call : callable
            Calls the library, and does nothing else: whatever goes wrong in it is taken for a broken answer.
        is_data : bool
            Whether it fetches a file that may be large.

        Raises
        ------
        NotOfferedError
            If OpenML says that it has no such thing, or none any more.
        SourceError
            If there is no sound answer in time, or a refusal.
        DataError
            If it is of a form that the library itself cannot use.
        """
        if self.is_offline:
            raise SourceError(f"offline, OpenML is not asked for {what}; leave out --offline once")
        seconds = self.data_seconds if is_data else self.seconds
        reason = ""
        for attempt in range(self.n_attempts):
            if attempt:
                time.sleep(self.pause_seconds * 2 ** (attempt - 1))
            try:
                return _asked(what, call, seconds)
            except _PassingError as error:
                reason = str(error)
        times = f", {self.n_attempts} times" if self.n_attempts > 1 else ""
        raise SourceError(f"OpenML ({self.server}) did not give {what}{times}: {reason}; {self.advice}")

    def ask_for_more(self, what: str, call: Callable[[], T], *, is_data: bool = False) -> T | None:
        """Return what a call returns, or None where OpenML says that there is nothing (more); all else as of `ask`."""
        try:
            return self.ask(what, call, is_data=is_data)
        except NotOfferedError:
            return None


def _library() -> ModuleType:
    """Return the `openml` library; importing it takes a second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it imports
        import openml
    return openml


def _asked(what: str, call: Callable[[], T], seconds: float) -> T:
    """Return what a call returns within a time, its errors translated."""
    with _lock, _settings():
        ended = _run(call, seconds)
    if ended is None:
        raise _PassingError(f"no answer within {seconds:g} s")
    value, error = ended
    if error is None:
        return value[0]
    translated = _translated(error, what)
    if translated is None:
        raise error
    raise translated from error


def _run(call: Callable[[], T], seconds: float) -> tuple[list[T], BaseException | None] | None:
    """Return what a call came to: a list of its value, or an error; None if that takes longer.

    The thread is left to itself then: it cannot be ended, and does not keep the process from ending.
    """
    ended: queue.SimpleQueue[tuple[list[T], BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        came: tuple[list[T], BaseException | None]
        with _silent_root():  # here, since it may take longer than anyone waits
            try:
                came = [call()], None
            except BaseException as error:  # noqa: BLE001 - as every future does: whoever waits for it gets it
                traceback.clear_frames(error.__traceback__)  # closes here what the library leaves open
                came = [], error
        ended.put(came)

    threading.Thread(target=run, name="openml", daemon=True).start()
    try:
        return ended.get(timeout=seconds)
    except queue.Empty:
        return None


@contextmanager
def _settings() -> Iterator[None]:
    """Let the library ask once, and keep to itself what it has to say, while the block is open."""
    config = _library().config
    n_retries = config.connection_n_retries
    config.connection_n_retries = 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its deprecations, and of files that it leaves open
            yield
    finally:
        config.connection_n_retries = n_retries


@contextmanager
def _silent_root() -> Iterator[None]:
    """Give the root logger a handler while the block is open, else the library's use of it would set logging up."""
    silent = logging.NullHandler()
    logging.getLogger().addHandler(silent)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(silent)


def _translated(error: BaseException, what: str) -> Exception | None:
    """Return our error for one of a call, None for what is no matter of OpenML's."""
    import arff
    import minio.error
    import requests
    import urllib3.exceptions
    from openml import exceptions

    if isinstance(error, exceptions.OpenMLServerException) and error.code != _DATABASE_FAILED:
        words = _told(str(error.message).removesuffix(" - None"))  # the library's, where there is nothing to add
        if error.code in _NO_RESULTS or _NOT_THERE.match(str(error.message)):
            return NotOfferedError(f"OpenML has no {what} ({words}); check the number")
        return SourceError(f"OpenML refuses {what}: {words} (code {error.code})")
    if isinstance(error, exceptions.OpenMLPrivateDatasetError | exceptions.OpenMLNotAuthorizedError):
        words = f"OpenML gives {what} to some users alone; set your apikey in the configuration of openml"
        is_of_data = isinstance(error, exceptions.OpenMLPrivateDatasetError)
        return NotOfferedError(words) if is_of_data else SourceError(words)
    if isinstance(error, NotImplementedError):
        return DataError(f"{what} of OpenML is of a form that cannot be used here: {_told(error)}")
    if isinstance(error, exceptions.OpenMLServerError):
        found = _STATUS.search(str(error))
        return _PassingError(f"HTTP {found[1]}" if found else f"an answer that cannot be read ({_told(error)})")
    if isinstance(error, exceptions.OpenMLHashException):
        return _PassingError("a file that is not what its checksum says")
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError | minio.error.MinioException):
        return _PassingError(_network_words(error))
    if isinstance(error, OSError):
        return SourceError(f"cannot keep {what} in the cache of openml: {error.strerror or error}; mend the folder")
    if isinstance(error, exceptions.PyOpenMLError | arff.ArffException) or _is_of_parsing(error):
        return _PassingError(f"an answer that cannot be read ({_told(error) or type(error).__name__})")
    return None


def _is_of_parsing(error: BaseException) -> bool:
    """Return whether an error is what the library runs into where an answer is not what it expects."""
    from pyexpat import ExpatError

    of_files = (EOFError, pickle.UnpicklingError)  # half of one that it derived, and then removes
    return isinstance(
        error, (ExpatError, ValueError, LookupError, TypeError, AttributeError, AssertionError, *of_files)
    )


def _network_words(error: Exception) -> str:
    """Return what is wrong with the network, in a few words."""
    words = str(error)
    known = {
        "Connection refused": "the connection is refused",
        "Name or service not known": "no such server is known",
        "Failed to resolve": "no such server is known",
        "Temporary failure in name resolution": "no such server is known, as without a network",
        "IncompleteRead": "the connection was cut",
        "RemoteDisconnected": "the connection was cut",
        "Connection aborted": "the connection was cut",
        "Connection reset": "the connection was cut",
    }
    cause = words.partition(_CAUSE)[2] or words  # before it stands the address alone
    return next((told for sign, told in known.items() if sign in words), _told(cause))


def _told(words: object) -> str:
    """Return foreign words in one line that is not too long, without the key, which is part of the addresses asked."""
    line = _KEY.sub(r"\1...", " ".join(str(words).split()))
    key = _library().config.apikey
    return (line.replace(key, "...") if key else line)[:_WORDS]
