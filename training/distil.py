"""Labels for the unlabelled texts, given by a linear labeller, for the model to learn from too.

The labeller is fitted to the train split and knows nothing of what is held out. It sees every text at once
where a small model sees few examples; what it is not sure of stays without a label. A card says how many
examples a machine labelled.
"""

from __future__ import annotations

from collections.abc import Sequence

from curation.errors import UsageError
from curation.instruct.task import LabelTask, Task
from curation.instruct.template import fill
from curation.label import classifier, features, hints
from curation.label.labeller import Labeller
from training.data import Conversation, Message
from training.unlabelled import Text, of_conversations


def labelled(
    task: Task, train: Sequence[Conversation], texts: Sequence[Text], least: float, *, seed: int
) -> list[Conversation]:
    """Conversations about the texts that the labeller is sure of.

    Args:
        train: what it is fitted to; an answer that is no label of the task is passed over.
        texts: without what is held out.
        least: smallest probability of a label.

    Raises:
        UsageError: the task has no labels, or there are too few examples to fit anything.
    """
    if not isinstance(task, LabelTask):
        raise UsageError(f"data.distil: the task {task.name} has no labels that a labeller could give")
    fitted = labeller(task, train, texts, seed=seed)
    if not texts:
        return []
    found = fitted.predict([features.document(text.title, text.text) for text in texts])
    return [
        _conversation(task, place, texts[place], task.labels.values[label])
        for place, (label, confidence) in enumerate(
            zip(found.label.tolist(), found.confidence.tolist(), strict=True)
        )
        if label >= 0 and confidence >= least
    ]


def labeller(task: LabelTask, train: Sequence[Conversation], texts: Sequence[Text], *, seed: int) -> Labeller:
    """The labeller of the task, fitted to the train split; of the texts it knows how often words occur.

    Raises:
        UsageError: there are too few examples to fit anything.
    """
    label_of = {fill(task.assistant, {"label": value}).strip(): value for value in task.labels.values}
    known = [
        (document(each, task), label_of[said])
        for each in train
        if (said := each.messages[-1]["content"].strip()) in label_of
    ]
    own = [each for each, _ in known]
    examples = classifier.prepare(
        task.labels.values,
        own,
        [label for _, label in known],
        groups=[None] * len(known),
        hints=hints.of(task.labels),
    ).with_pool([*own, *(features.document(text.title, text.text) for text in texts)])
    if examples.lacking:
        raise UsageError(f"data.distil: nothing can be fitted to the train split: {examples.lacking}")
    return classifier.fit(
        examples,
        classifier.out_of_fold(examples, seed),
        taxonomy=task.labels.name,
        digest=task.labels.digest,
        seed=seed,
    )


def document(conversation: Conversation, task: LabelTask) -> str:
    """What the labeller is shown of a conversation: the users' words, the title apart."""
    said = of_conversations([conversation], task)
    title = next((text.title for text in said if text.title), "")
    return features.document(title, "\n".join(text.text for text in said))


def _conversation(task: LabelTask, place: int, text: Text, label: str) -> Conversation:
    made = task.examples({"id": "", "title": text.title, "text": text.text, "reply": "", "label": label})
    if isinstance(made, str):
        raise AssertionError(made)
    messages = [
        Message(role=each["role"], content=each["content"], weight=each["weight"])
        for each in made[0].messages()
    ]
    return Conversation(f"unlabelled:{place + 1}", messages, people=False)
