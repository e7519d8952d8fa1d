"""The cards of the model `tiny`, in English and Chinese, from `made.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COMMAND = """\
python -m training.tiny.make --laws national.jsonl local.jsonl --policies policies.jsonl \\
    --service-items service_items.jsonl --output DIR"""

_KINDS = {
    "laws": ("laws, regulations, judicial interpretations", "法律、法规、司法解释"),
    "documents": ("documents of the State Council", "国务院文件"),
    "guides": ("service guides of Guangdong", "广东省办事指南"),
    "invented": ("invented letters, guides, notices", "生成的虚构来信、指南、公告"),
}
_LICENCES = {
    "laws": ("none: Copyright Law of the PRC, art. 5", "无著作权（著作权法第五条）"),
    "documents": ("none: Copyright Law of the PRC, art. 5", "无著作权（著作权法第五条）"),
    "guides": ("MIT, QABasedOnPolicyKnowledgeGraph", "MIT（QABasedOnPolicyKnowledgeGraph）"),
    "invented": ("Apache-2.0, `govtune sample`", "Apache-2.0（`govtune sample`）"),
}

_ENGLISH = """\
# The model `tiny`

[中文](README.zh-CN.md)

**Not for use.** A character model with {parameters:,} parameters that exists so that fine-tuning can be tried
and tested on any machine. It knows how official texts sound and nothing of what they say; whatever it answers
untuned is noise.

Qwen3 architecture, {vocabulary:,} tokens: characters, the 256 bytes for all other ones, three control tokens;
ChatML template. Stored as fp16, computed in fp32.

## What it read
A passage of at most 200 characters, then its title, each token learnt. Of several versions of a law the last;
at most six passages of a document. No citizen's letter and no contest data. Every 40th title was held out.

| | titles | passages | characters | licence | held-out passages | loss, nats per token | bits per character |
| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |
{rows}

The invented records are made from a few templates, which the held-out ones share.

## How
```
{command}
```
{steps:,} steps of {batch} passages, one thread, seed {seed}, {minutes} minutes on a shared 2-core CPU without
AVX-512, torch {torch}; loss of the last 20 steps {loss:.3f} nats per token. The same files give the same
weights. SHA-256 of model.safetensors: `{digest}`
"""

_CHINESE = """\
# 模型 `tiny`

[English](README.md)

**不可用于生产。** 一个只有 {parameters:,} 个参数的字符模型，作用是让微调流程在任何机器上都能试跑和测试。
它只见过公文的写法，不懂内容；未经微调时它的回答没有意义。

Qwen3 结构，{vocabulary:,} 个词元：单字、其余字符所用的 256 个字节、三个控制词元；ChatML 模板。
以 fp16 存储，按 fp32 计算。

## 读过什么
每次读至多 200 字的一段，再说出标题，全部词元都参与学习。同一部法律只取最新版本；每份文件至多六段。
不含任何群众来信和竞赛数据。每 40 个标题留出一个。

| | 标题 | 段落 | 字符 | 许可 | 留出段落 | 损失（奈特/词元） | 比特/字符 |
| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |
{rows}

虚构记录由少量模板生成，留出部分与训练部分模板相同。

## 如何得到
```
{command}
```
{steps:,} 步，每步 {batch} 段，单线程，种子 {seed}，在共享的双核 CPU（无 AVX-512）上用时 {minutes} 分钟，
torch {torch}；最后 20 步损失 {loss:.3f} 奈特/词元。同样的文件得到同样的权重。
model.safetensors 的 SHA-256：`{digest}`
"""


def cards(made: Mapping[str, Any]) -> dict[str, str]:
    """File name -> card."""
    return {"README.md": _card(_ENGLISH, made, 0), "README.zh-CN.md": _card(_CHINESE, made, 1)}


def _card(template: str, made: Mapping[str, Any], language: int) -> str:
    return template.format(
        **{
            name: made[name]
            for name in ("parameters", "vocabulary", "steps", "batch", "seed", "torch", "loss")
        },
        rows="\n".join(_row(kind, made, language) for kind in made["read"]),
        command=_COMMAND,
        minutes=round(made["seconds"] / 60),
        digest=made["sha256"]["model.safetensors"],
    )


def _row(kind: str, made: Mapping[str, Any], language: int) -> str:
    read, held_out = made["read"][kind], made["held_out"].get(kind)
    cells = [_KINDS[kind][language], *(f"{read[name]:,}" for name in ("titles", "passages", "characters"))]
    cells.append(_LICENCES[kind][language])
    if held_out:
        cells += [
            f"{held_out['passages']:,}",
            f"{held_out['loss']:.2f}",
            f"{held_out['bits_per_character']:.2f}",
        ]
    else:
        cells += ["0", "", ""]
    return f"| {' | '.join(cells)} |"
