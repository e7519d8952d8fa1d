"""What common accelerators can do by their makers' data sheets: memory, and dense peak by number format.

Peaks are of the tensor cores with 32-bit accumulation and without sparsity, which is what training uses; fp32
is that of the ordinary cores, torch's default. Tensor parts of a data sheet that are given "with sparsity"
are halved. Published figures: we have run on none of these cards.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from curation.strict import require_known


@dataclasses.dataclass(frozen=True)
class Card:
    """An accelerator.

    Attributes:
        memory: GiB that torch finds on it, which is less than its label says: the driver and, on cards
            without HBM, error correction take their part.
        peak: TFLOP/s by `bf16`, `fp16`, `fp32`.
        torch_name: pattern of what torch calls it.
    """

    name: str
    memory: float
    peak: Mapping[str, float]
    torch_name: str


_ALL = (
    # NVIDIA Ada GPU Architecture whitepaper 2.0, appendix A.
    Card("rtx-4090", 23.5, {"bf16": 165.2, "fp16": 165.2, "fp32": 82.6}, r"RTX 4090(?! ?(D\b|Laptop))"),
    # NVIDIA Ampere GA102 whitepaper 2.1, appendix A.
    Card("rtx-3090", 23.5, {"bf16": 71.2, "fp16": 71.2, "fp32": 35.6}, r"RTX 3090(?! Ti)"),
    # NVIDIA A10 data sheet.
    Card("a10", 22.0, {"bf16": 125.0, "fp16": 125.0, "fp32": 31.2}, r"\bA10\b"),
    # NVIDIA A100 data sheet; the A800 has slower links and the same cores.
    Card("a100-40g", 39.4, {"bf16": 312.0, "fp16": 312.0, "fp32": 19.5}, r"\bA[18]00\b.*40GB"),
    Card("a100-80g", 79.2, {"bf16": 312.0, "fp16": 312.0, "fp32": 19.5}, r"\bA[18]00\b.*80GB"),
    # NVIDIA H100 data sheet: SXM and PCIe differ; the H800 is an H100 with slower links.
    Card("h100-pcie", 79.2, {"bf16": 756.0, "fp16": 756.0, "fp32": 51.0}, r"\bH[18]00 PCIe"),
    Card("h100", 79.2, {"bf16": 989.4, "fp16": 989.4, "fp32": 66.9}, r"\bH[18]00\b(?! (PCIe|NVL))"),
    # NVIDIA H200 data sheet.
    Card("h200", 139.8, {"bf16": 989.4, "fp16": 989.4, "fp32": 66.9}, r"\bH200\b(?! NVL)"),
    # NVIDIA H20 data sheet, as published by its distributors.
    Card("h20", 95.0, {"bf16": 148.0, "fp16": 148.0, "fp32": 44.0}, r"\bH20\b"),
    # NVIDIA L20 data sheet, as published by its distributors.
    Card("l20", 44.5, {"bf16": 119.5, "fp16": 119.5, "fp32": 59.8}, r"\bL20\b"),
    # NVIDIA L40S data sheet.
    Card("l40s", 44.5, {"bf16": 362.1, "fp16": 362.1, "fp32": 91.6}, r"\bL40S\b"),
    # Huawei Atlas 800T A2 data sheet, which gives 2.5 PFLOPS fp16 for eight. Versions of the 910B differ.
    Card("ascend-910b", 60.9, {"bf16": 313.0, "fp16": 313.0}, r"Ascend ?910B"),
)

CARDS = {card.name: card for card in _ALL}


def find(name: str) -> Card:
    """The card of this name.

    Raises:
        UsageError: there is none.
    """
    require_known(name, CARDS, "--card", "card")
    return CARDS[name]


def peak_tflops(device_name: str, dtype: str) -> float | None:
    """Dense peak of a device, in TFLOP/s; None where it is not known.

    Args:
        device_name: as torch calls it, for example `NVIDIA H100 80GB HBM3`.
        dtype: `bf16`, `bfloat16` or `torch.bfloat16`, and so on.
    """
    card = next((each for each in _ALL if re.search(each.torch_name, device_name)), None)
    return card.peak.get(_DTYPES.get(dtype.removeprefix("torch."), dtype)) if card else None


_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
