"""A Modelfile for Ollama: the merged model with the prompt it was trained on, greedy answers, and its ends.

Ollama itself was not run here; what its template makes of messages was, by `go_template.evaluate`.
"""

from __future__ import annotations

from curation.errors import UsageError
from curation.instruct.task import Task
from training.asking import system as system_of
from training.export.go_template import GoTemplate, derive
from training.export.probes import conversations
from training.schema import Recipe
from training.template import Template

FILE = "Modelfile"
_QUOTES = '"""'


def template(of_model: Template, system: str) -> GoTemplate:
    """The Go template that writes what a tokenizer's chat template writes.

    Raises:
        UsageError: there is none, or nobody can prove it.
    """
    tokenizer = of_model.tokenizer
    if "strftime_now" in tokenizer.get_chat_template():
        raise UsageError(
            "ollama: the model's chat template writes today's date, which Ollama's cannot; use merged with a "
            "server that reads Jinja, such as vLLM"
        )
    bos = tokenizer.bos_token or ""
    added = tokenizer("问", add_special_tokens=True)["input_ids"]
    return derive(
        lambda messages: of_model.text(of_model.said(messages), ask=True),
        conversations(system),
        bos,
        server_adds=bool(bos) and added[:1] == [tokenizer.bos_token_id],
    )


def system_message(recipe: Recipe, task: Task | None) -> str:
    """The system message that the model was tuned with."""
    said = recipe.chat.system
    return system_of(task) if said == "keep" else "" if said == "none" else said


def modelfile(
    weights: str,
    found: GoTemplate,
    stops: list[str],
    context: int,
    system: str,
    task: Task | None,
    user_length: int | None = None,
) -> str:
    """The file's text.

    Args:
        weights: path of the merged folder or the GGUF file, relative to the Modelfile.
        context: tokens of a prompt and its answer.
        user_length: characters of a user's message that the model learnt from.

    Raises:
        UsageError: a text holds three quotation marks, which end a text in a Modelfile.
    """
    if _QUOTES in system or any(_QUOTES in each or '"' in each for each in stops):
        raise UsageError("ollama: the system message or a stop token holds quotation marks that end it early")
    lines = [
        "# Made by govtune. Create it with: ollama create NAME -f Modelfile",
        "# Ollama reads control tokens such as those in TEMPLATE wherever they stand: take them out of what",
        "# citizens wrote before you send it.",
    ]
    if found.trims:
        lines.append(
            "# In training white space around each message was dropped: drop it before you send one."
        )
    if task is not None:
        lines += [
            "# Send a letter as it was in training:",
            *(f"#   {line}" for line in task.user.splitlines()),
        ]
    if user_length is not None:
        lines.append(
            f"# It learnt from the first {user_length} characters of what a user says: send no more."
        )
    lines += [f"FROM {weights}", f"TEMPLATE {_QUOTES}{found.text}{_QUOTES}"]
    if system:
        lines.append(f"SYSTEM {_QUOTES}{system}{_QUOTES}")
    # Earlier versions punish repetition unasked, and a greedy answer is then another one.
    lines += ["PARAMETER temperature 0", "PARAMETER repeat_penalty 1", f"PARAMETER num_ctx {context}"]
    lines += [f'PARAMETER stop "{each}"' for each in stops]
    return "\n".join(lines) + "\n"
