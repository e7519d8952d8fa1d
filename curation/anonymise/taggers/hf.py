"""Any token-classification model of a local folder, run by transformers: on a GPU where there is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation.anonymise.tagger import Entity
from curation.errors import UsageError

BATCH = 32
"""Lines of one length run at once; where a model's tokens differ in number the padding is masked."""

_LABELS = {
    "PERSON": "PERSON",
    "PER": "PERSON",
    "NAME": "PERSON",
    "NR": "PERSON",
    "PERSON_HONORIFIC": "PERSON_HONORIFIC",
    "ADDRESS": "ADDRESS",
    "ADDR": "ADDRESS",
    "LOCATION": "LOCATION",
    "LOC": "LOCATION",
    "GPE": "LOCATION",
    "ORGANIZATION": "ORGANIZATION",
    "ORG": "ORGANIZATION",
    "COMPANY": "ORGANIZATION",
    "GOVERNMENT": "ORGANIZATION",
}
"""What corpora call these types, without `B-`, `I-`, `E-`, `S-`; other labels are not looked at."""


class HuggingFace:
    """The engine `hf:FOLDER`: nothing is downloaded.

    Raises:
        UsageError: transformers is not installed, the folder holds no token-classification model, its
            tokenizer cannot tell where tokens stand, or none of its labels is one of ours.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import torch
            from transformers import AutoModelForTokenClassification, AutoTokenizer
        except ImportError:
            raise UsageError("names: hf needs transformers and torch: pip install 'govtune[train]'") from None
        if not (folder / "config.json").is_file():
            raise UsageError(f"names: hf:{folder}: no model in this folder")
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model = AutoModelForTokenClassification.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"names: hf:{folder}: not a token-classification model ({type(error).__name__})"
            ) from None
        if not self._tokenizer.is_fast:
            raise UsageError(f"names: hf:{folder}: its tokenizer does not tell offsets; a fast one is needed")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model.to(self._device).eval()
        self._tags = [_tag(label) for _, label in sorted(self._model.config.id2label.items())]
        if not any(label for _, label in self._tags):
            known = ", ".join(sorted(_LABELS))
            raise UsageError(f"names: hf:{folder}: none of its labels is one of {known}")

    def tag(self, lines: Sequence[str]) -> list[list[Entity]]:
        found: list[list[Entity]] = [[] for _ in lines]
        by_length: dict[int, list[int]] = defaultdict(list)
        for number, line in enumerate(lines):
            by_length[len(line)].append(number)
        for same in (by_length[length] for length in by_length if length):
            for at in range(0, len(same), BATCH):
                batch = same[at : at + BATCH]
                for number, entities in zip(batch, self._run([lines[at] for at in batch]), strict=True):
                    found[number] = entities
        return found

    def _run(self, lines: list[str]) -> list[list[Entity]]:
        import torch

        encoded = self._tokenizer(
            lines, return_offsets_mapping=True, padding=True, truncation=True, return_tensors="pt"
        )
        offsets = encoded.pop("offset_mapping").tolist()
        with torch.inference_mode():
            logits = self._model(**encoded.to(self._device)).logits
        chances, tags = logits.float().softmax(-1).max(-1)
        return [
            _entities(*each, self._tags)
            for each in zip(offsets, tags.tolist(), chances.tolist(), strict=True)
        ]


def _tag(label: str) -> tuple[bool, str]:
    """Whether a model's label begins an entity, and which of our labels it is; empty for none."""
    place, dash, name = label.upper().partition("-")
    return place in ("B", "S") if dash else False, _LABELS.get(name if dash else place, "")


def _entities(
    offsets: list[list[int]], tags: list[int], chances: list[float], known: list[tuple[bool, str]]
) -> list[Entity]:
    """Neighbouring tokens of one label, unless one begins anew; scored by the least sure token."""
    found: list[Entity] = []
    last: Any = None
    for (start, end), tag, chance in zip(offsets, tags, chances, strict=True):
        begins, label = known[tag]
        if start == end:
            continue
        if not label:
            last = None
        elif last == label and not begins:
            found[-1] = found[-1]._replace(end=end, score=min(found[-1].score, round(chance, 3)))
        else:
            found.append(Entity(start, end, label, round(chance, 3)))
            last = label
    return found
