"""Every exception and warning of autometa.

::

    AutometaError
    ├── UserError                      what the user can fix: one line, exit 2
    │   ├── DataError                  a table that cannot be used          (ValueError)
    │   ├── OptionError                an argument or option that is wrong  (ValueError)
    │   ├── ConfigurationError         a configuration that does not fit    (ValueError)
    │   ├── KnowledgeError             a knowledge base that cannot be used
    │   │   ├── SchemaError            its schema is older or newer than this release
    │   │   └── NotKnownError          it does not hold what was asked for  (LookupError)
    │   ├── ExchangeError              a shard that is refused              (ValueError)
    │   ├── PersistenceError           a model file that is refused         (ValueError)
    │   ├── SourceError                something that OpenML does not give now
    │   │   └── NotOfferedError        something that it does not have      (LookupError)
    │   └── MissingDependencyError     an optional library is not installed (ImportError)
    └── EvaluationError                the evaluation machinery itself broke (RuntimeError)

    AutometaWarning (UserWarning)

A message says what happened, the value that was seen, and what to do next.
"""

__all__ = [
    "AutometaError",
    "AutometaWarning",
    "ConfigurationError",
    "DataError",
    "EvaluationError",
    "ExchangeError",
    "KnowledgeError",
    "MissingDependencyError",
    "NotKnownError",
    "NotOfferedError",
    "OptionError",
    "PersistenceError",
    "SchemaError",
    "SourceError",
    "UserError",
]


class AutometaError(Exception):
    """Base of every error that autometa raises on purpose."""


class UserError(AutometaError):
    """An error that the user can fix: the command line prints it in one line and exits with 2."""


class DataError(UserError, ValueError):
    """A table that cannot be read, or cannot be learned from."""


class OptionError(UserError, ValueError):
    """An argument or a command-line option with a value that makes no sense."""


class ConfigurationError(UserError, ValueError):
    """A configuration that does not fit the algorithm's space, or that cannot be built here."""


class KnowledgeError(UserError):
    """A knowledge base that cannot be opened, read or written."""


class SchemaError(KnowledgeError):
    """A knowledge base whose schema is older or newer than this release expects."""


class NotKnownError(KnowledgeError, LookupError):
    """Something that the knowledge base does not hold."""


class ExchangeError(UserError, ValueError):
    """A file of past runs that is refused; the knowledge base is left as it was."""


class PersistenceError(UserError, ValueError):
    """A model file that is refused, or a model that no file can hold."""


class SourceError(UserError):
    """Something that a source of data and runs elsewhere does not give: no answer, a broken one, or a refusal."""


class NotOfferedError(SourceError, LookupError):
    """Something that a source does not have, or not for this user, by its own words."""


class MissingDependencyError(UserError, ImportError):
    """An optional library that is not installed; the message names the extra that brings it."""


class EvaluationError(AutometaError, RuntimeError):
    """The machinery that runs evaluations broke; a learner's own failure is a result, not an error."""


class AutometaWarning(UserWarning):
    """Base of every warning that autometa gives."""
