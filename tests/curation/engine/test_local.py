from __future__ import annotations

import os

import pytest

from curation.engine.local import LocalEngine
from curation.errors import EngineError, InputError, UsageError


def square(number: int) -> int:
    return number * number


def die(number: int) -> int:
    os._exit(9)


def stumble(number: int) -> int:
    raise ValueError("13912345678 stands in a record's text")


def refuse(number: int) -> int:
    raise InputError("not a number", file="a.csv", row=number)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_tasks(workers: int) -> None:
    with LocalEngine(workers) as engine:
        assert list(engine.map(square, range(30))) == [square(number) for number in range(30)]


def test_a_worker_that_dies_is_told_as_such() -> None:
    with LocalEngine(2) as engine, pytest.raises(EngineError, match="a worker process died"):
        list(engine.map(die, [1, 2, 3]))


def test_a_defect_in_a_worker_is_named_by_place_without_its_message() -> None:
    with LocalEngine(2) as engine, pytest.raises(EngineError) as error:
        list(engine.map(stumble, [1, 2]))
    assert "ValueError in test_local.py" in str(error.value)
    assert "139" not in str(error.value)


def test_a_fault_of_the_input_crosses_the_processes_whole() -> None:
    with LocalEngine(2) as engine, pytest.raises(InputError, match=r"a\.csv, row 1: not a number"):
        list(engine.map(refuse, [1, 2]))


def test_there_is_at_least_one_worker() -> None:
    with pytest.raises(UsageError, match="at least 1"):
        LocalEngine(0)
