"""Ollama writes prompts with a Go template, models are trained with a Jinja one. The Go template is derived
from what the Jinja template writes, and only given out when both write the same on every probe.

That works for templates in which each turn has a header with the role's name and an end: ChatML, Llama 3 and
their like. Others are refused: a template that is almost right makes a model that is silently worse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from curation.errors import UsageError
from training.data import Message

Render = Callable[[Sequence[Message]], str]
"""The prompt that the chat template writes, up to where the answer begins."""

_S, _U, _A, _V = "甲一系统", "乙二提问", "丙三回答", "丁四追问"


@dataclass(frozen=True)
class GoTemplate:
    """A template as Ollama takes it.

    Attributes:
        trims: the Jinja template drops white space around a message, which Go cannot: who calls Ollama must.
    """

    text: str
    trims: bool


def derive(render: Render, probes: Sequence[Sequence[Message]], bos: str, *, server_adds: bool) -> GoTemplate:
    """The Go template that writes what a chat template writes.

    Args:
        probes: talks on which both must agree to the letter.
        bos: the token that begins a text, "" where there is none.
        server_adds: the server writes that token before every prompt by itself.

    Raises:
        UsageError: the template has another shape, or the two disagree on a probe.
    """
    beginning = bos if server_adds else ""
    text = _derived(render, bos).removeprefix(beginning)
    for number, probe in enumerate(probes, start=1):
        if beginning + evaluate(text, probe) != render(probe):
            raise UsageError(
                f"ollama: no Go template writes what the model's chat template writes (probe {number} "
                "differs); use merged with a server that reads Jinja, such as vLLM"
            )
    spaced = [_said("user", " \n问 \n")]
    return GoTemplate(text, trims=beginning + evaluate(text, spaced) != render(spaced))


def evaluate(template: str, messages: Sequence[Message]) -> str:
    """What Ollama makes of a template and messages: the part of Go's text/template that `derive` uses.

    As Ollama does, system messages are joined for `.System`, and neighbours of one role become one message.
    """
    system = "\n\n".join(each["content"] for each in messages if each["role"] == "system")
    merged: list[Message] = []
    for each in messages:
        if merged and merged[-1]["role"] == each["role"]:
            both = merged[-1]["content"] + "\n\n" + each["content"]
            merged[-1] = _said(each["role"], both)
        else:
            merged.append(each)
    nodes = _parse(iter(_ACTION.split(template)))[0]
    return "".join(_written(nodes, {".System": system}, merged))


def _derived(render: Render, bos: str) -> str:
    alone = render([_said("user", _U)])
    talk = [_said("user", _U), _said("assistant", _A), _said("user", _V)]
    whole = render([_said("system", _S), *talk])
    found = re.fullmatch(f"(.*){_S}(.*){_U}(.*){_A}(.*){_V}(.*)", whole, re.DOTALL)
    first = re.fullmatch(f"(.*){_U}(.*)", alone, re.DOTALL)
    if not found or not first:
        raise _another_shape("a message is left out, changed or written twice")
    system_head, before_user, before_answer, before_more, rest = found.groups()
    # `before_answer` and `before_more` are the end of a turn and the next one's header, and differ in the
    # role's name alone.
    middle = re.fullmatch(r"(.*)assistant(.*)", before_answer, re.DOTALL)
    if not middle or before_more != f"{middle[1]}user{middle[2]}":
        raise _another_shape("a turn's header is not the name of its role")
    both, tail = middle[1], middle[2]
    first_mark = bos if bos and system_head.startswith(bos) else ""
    system_head = system_head.removeprefix(first_mark)
    # Where the end of a turn ends and the header begins: the longest header that a text can begin with.
    starts = [both[cut:] for cut in range(len(both) + 1)]
    head = next(each for each in starts if system_head.startswith(f"{each}system") or not each)
    end = both.removesuffix(head) if head else both
    opened = f"{head}user{tail}"
    if not first[1].startswith(first_mark) or not first[1].endswith(opened) or not rest.startswith(end):
        raise _another_shape("a text begins or ends in another way than its turns")
    if not before_user.endswith(opened):
        raise _another_shape("the first turn begins in another way than the later ones")
    system_end = before_user.removesuffix(opened)
    unasked = (
        first[1].removeprefix(first_mark).removesuffix(opened)
    )  # what it says where nobody says a system
    parts = (system_head, system_end, unasked, head, tail, end, rest.removeprefix(end))
    if any("{{" in part or '"""' in part for part in parts):
        raise _another_shape("it writes {{ or three quotation marks")
    return (
        first_mark
        + "{{ if .System }}"
        + system_head
        + "{{ .System }}"
        + system_end
        + "{{ else }}"
        + unasked
        + "{{ end }}"
        '{{ range .Messages }}{{ if ne .Role "system" }}'
        + (head + "{{ .Role }}" + tail + "{{ .Content }}" + end)
        + "{{ end }}{{ end }}"
        + rest.removeprefix(end)
    )


def _another_shape(what: str) -> UsageError:
    return UsageError(
        f"ollama: the model's chat template has a shape that is not known here: {what}; use merged with a "
        "server that reads Jinja, such as vLLM"
    )


def _said(role: str, content: str) -> Message:
    return Message(role=role, content=content, weight=0.0)


_ACTION = re.compile(r"\{\{ (.*?) \}\}")


@dataclass(frozen=True)
class _Block:
    """`range` or `if`, what stands in it, and after `else`."""

    condition: str
    inside: list[str | _Block]
    otherwise: list[str | _Block]


def _parse(pieces: Iterator[str]) -> tuple[list[str | _Block], str]:
    """The nodes up to `else`, `end` or the end of the template, and which of them it was."""
    nodes: list[str | _Block] = [next(pieces)]
    for action in pieces:
        if action in ("end", "else"):
            return nodes, action
        if action.startswith(("range ", "if ")):
            inside, stopped = _parse(pieces)
            otherwise = _parse(pieces)[0] if stopped == "else" else []
            nodes.append(_Block(action, inside, otherwise))
        else:
            nodes.append(f"{{{{{action}")  # a value; plain text never begins with braces
        nodes.append(next(pieces))
    return nodes, ""


def _written(
    nodes: Sequence[str | _Block], dot: dict[str, str], messages: Sequence[Message]
) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield dot[node.removeprefix("{{")] if node.startswith("{{") else node
        elif node.condition == "range .Messages":
            for each in messages:
                inner = {".Role": each["role"], ".Content": each["content"]}
                yield from _written(node.inside, inner, messages)
        elif node.condition == "if .System":
            yield from _written(node.inside if dot[".System"] else node.otherwise, dot, messages)
        elif node.condition == 'if ne .Role "system"':
            yield from _written(node.inside if dot[".Role"] != "system" else node.otherwise, dot, messages)
        else:
            raise ValueError(f"not in the part of Go templates that is known here: {node.condition}")
