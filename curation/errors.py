"""Errors a user can act on: one line that names file, sheet, row and field, never a record's text."""

from __future__ import annotations

from pathlib import Path


class UsageError(Exception):
    """Wrong usage or unusable input. The command line prints it as one line and exits with 2."""


class EngineError(Exception):
    """The machine or govtune failed, not the user or the input. The command line exits with 1."""


class UnusableInputError(UsageError):
    """Not one record of the input can be used, or with `strict`, not every one."""


class InputError(UsageError):
    """A file, or a place in it, that cannot be used.

    Args:
        problem: what is wrong, and what to do, in one line without any record's text.
        file, sheet, row, field: where; rows are counted from 1 as the file's own program shows them.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str,
        sheet: str | None = None,
        row: int | None = None,
        field: str | None = None,
    ) -> None:
        self.problem, self.file, self.sheet, self.row, self.field = problem, file, sheet, row, field
        where = [file]
        if sheet is not None:
            where.append(f"sheet {sheet}")
        if row is not None:
            where.append(f"row {row}")
        if field is not None:
            where.append(f"field {field}")
        super().__init__(f"{', '.join(where)}: {problem}")

    def __reduce__(self) -> tuple[object, ...]:
        """Exceptions cross process boundaries by pickle, which needs the keyword arguments."""
        return (_input_error, (self.problem, self.file, self.sheet, self.row, self.field))


def _input_error(
    problem: str, file: str, sheet: str | None, row: int | None, field: str | None
) -> InputError:
    return InputError(problem, file=file, sheet=sheet, row=row, field=field)


def place(error: BaseException) -> str:
    """Where an unexpected error arose. Its message may hold a record's text, so it is left out."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}" if trace else ""
    return type(error).__name__ + where
