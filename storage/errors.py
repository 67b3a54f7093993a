"""The errors that Muniment shows to people.

    MunimentError              one line: what happened, to which thing, what to do
    |-- WrongUse               the request cannot be meant so          exit code 2
    |   `-- NotFound           it names something that is not there
    |-- Refused                a rule (limit, membership, hold) says no exit code 3
    `-- Broken                 a part is missing, damaged or full       exit code 4

Libraries' errors become one of these at the border, with the cause kept.
"""


class MunimentError(Exception):
    """Root of every error that is meant to be read by a person."""

    exit_code = 4


class WrongUse(MunimentError):
    """The request itself cannot be carried out as it is."""

    exit_code = 2


class NotFound(WrongUse):
    """The request names a matter, document, page or user that is not there."""


class Refused(MunimentError):
    """A rule says no: a limit, a missing membership, a hold."""

    exit_code = 3


class Broken(MunimentError):
    """A part that the work needs is missing, damaged or has no room left."""

    exit_code = 4
