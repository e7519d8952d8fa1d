"""What is asked of a model about something that nobody has answered yet: the task's own messages, without
the answer. Training makes its examples of the same templates, so a model is tried in the words it knows."""

from __future__ import annotations

from curation.errors import UsageError
from curation.instruct.task import GuideTask, LabelTask, Row, Task
from curation.instruct.template import fill
from training.data import Message

FIELDS = ("title", "text", "question")
"""What can be said of a record when a task is asked about it."""


def ask(task: Task | None, said: Row) -> list[Message]:
    """System and user message; without a task the text is the user's message.

    Args:
        said: some of `FIELDS`.

    Raises:
        UsageError: there is nothing to ask about.
    """
    values = {name: said.get(name, "").strip() for name in FIELDS}
    if isinstance(task, GuideTask) and not (values["text"] and values["question"]):
        raise UsageError(f"the task {task.name} asks about a service guide: give its text and a question")
    if not any(values.values()):
        raise UsageError("nothing to ask about: no title and no text")
    if task is None:
        return [_message("user", values["question"] or values["text"] or values["title"])]
    values["categories"] = "、".join(task.labels.values) if isinstance(task, LabelTask) else ""
    turns = (("system", fill(task.system, values)), ("user", fill(task.user, values)))
    return [_message(role, content) for role, content in turns if content]


def system(task: Task | None) -> str:
    """The system message of a task, which is the same for every record; empty where there is none."""
    values = {"categories": "、".join(task.labels.values)} if isinstance(task, LabelTask) else {}
    return fill(task.system, values) if task else ""


def answers(task: Task | None) -> list[str]:
    """All that the model may answer, for a task with labels; empty for others."""
    if not isinstance(task, LabelTask):
        return []
    return [fill(task.assistant, {"label": value}).strip() for value in task.labels.values]


def _message(role: str, content: str) -> Message:
    return Message(role=role, content=content, weight=0.0)
