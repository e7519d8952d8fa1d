"""What a model card says to those who use the model: how, what it was made of, what people have to add."""

from __future__ import annotations

from curation.writing.markdown import code, table
from curation.writing.words import Words
from training.model_card.facts import Facts
from training.schema import TINY


def use(facts: Facts, words: Words) -> list[str]:
    say = words.say
    kind = {"seq_cls": "SequenceClassification", "token_cls": "TokenClassification"}.get(
        facts.recipe["objective"], "CausalLM"
    )
    # No hub has the model that comes with govtune.
    shipped = facts.recipe["model"]["path"] == TINY and not facts.whole and not facts.own_base
    load = [
        "```python",
        *([] if facts.whole else ["from peft import PeftModel"]),
        f"from transformers import AutoModelFor{kind}, AutoTokenizer",
        *(["", "from training import tiny"] if shipped else []),
        "",
    ]
    if facts.whole:
        load.append(f'model = AutoModelFor{kind}.from_pretrained("merged")')
    else:
        labels = f", num_labels={len(facts.lock.get('labels', {}))}" if kind != "CausalLM" else ""
        base = "tiny.folder()" if shipped else '"base"' if facts.own_base else f'"{facts.base}"'
        load += [
            f"base = AutoModelFor{kind}.from_pretrained({base}{labels})",
            'model = PeftModel.from_pretrained(base, "adapter")',
        ]
    folder = "merged" if facts.whole else "adapter"
    load += [f'tokenizer = AutoTokenizer.from_pretrained("{folder}")', "```"]
    lines = [say("## 使用", "## How to use"), "", *load]
    if kind != "TokenClassification":
        lines += ["", "```sh", "govtune chat DIR --message " + say("来信正文", "LETTER")]
        if kind == "CausalLM" and not facts.whole:
            lines.append("govtune export DIR --format vllm    # serve.sh")
        lines.append("```")
    if facts.exports:
        done = words.join(code(each) for each in sorted(facts.exports))
        lines += ["", say(f"已导出：{done}。", f"Exported: {done}.")]
    merged = facts.exports.get("merged", {})
    if "logit_difference" in merged:
        difference = f"{merged['logit_difference']:.2g}"
        lines.append(
            say(
                f"合并后的模型与“基座加适配器”的 logit 最大相差 {difference}。",
                f"The merged model differs from base and adapter by at most {difference} in a logit.",
            )
        )
    return lines


def made_of(facts: Facts, words: Words) -> list[str]:
    say, lock = words.say, facts.lock
    digests = [
        (say("基座", "Base"), lock["model"]["sha256"] or lock["recipe"]["model"]["revision"]),
        (say("训练数据", "Data"), lock["data"]["sha256"]),
        (say("对话模板", "Chat template"), lock["chat_template"]),
        (say("分词器", "Tokenizer"), lock["tokenizer"]),
        (say("适配器或整个模型", "Adapter, or the whole model"), lock["adapter"]),
        (say("配方、数据与版本的指纹", "Fingerprint of recipe, data and versions"), lock["fingerprint"]),
    ]
    measured_on = (facts.evaluation or {}).get("data")
    digests.append((say("评估数据", "Data of the evaluation"), measured_on))
    packages = words.join(f"{name} {version}" for name, version in sorted(lock["packages"].items()))
    rows = [(name, code(each) if each else words.unmeasured) for name, each in digests]
    further = facts.recipe["adapter"]["continue_from"]
    return [
        say("## 由什么组成", "## What it was made of"),
        "",
        *table((say("内容", "What"), "SHA-256"), rows),
        "",
        say(f"- 软件包：{packages}。", f"- Packages: {packages}."),
        say(
            f"- 相对基座的改动：{_changes(facts, words)}。",
            f"- What was changed in the base: {_changes(facts, words)}.",
        ),
        *(
            [say("- 在已有适配器基础上继续训练。", "- It goes on from an adapter that was trained before.")]
            if further
            else []
        ),
        say(
            "- 复核：`govtune verify DIR`；配方全文见 `govtune.lock.json`。",
            "- To check it: `govtune verify DIR`; the whole recipe is in `govtune.lock.json`.",
        ),
    ]


def _changes(facts: Facts, words: Words) -> str:
    read = words.say(
        "先通读无标注文本，训练了全部参数；随后",
        "it read unlabelled text, all parameters trained; then ",
    )
    before = read if facts.recipe["pretrain"] else ""
    if facts.whole:
        return before + words.say("训练了全部参数", "all parameters were trained")
    return before + words.say("权重不变，另加适配器", "its weights stay, an adapter is added")


def for_people(facts: Facts, words: Words) -> list[str]:
    matters = (
        ("使用单位、责任人和联系方式", "Who uses it, who answers for it, and how to reach them"),
        (
            "模型许可，以及基座和数据许可是否允许该用途",
            "Its licence, and whether those of base and data allow the use",
        ),
        (
            "上线审批、试运行结果和人工复核安排",
            "Approval, results of a trial, and how people check what it says",
        ),
        ("申诉渠道和停用条件", "Where to complain, and when it is switched off"),
    )
    return [
        words.say("## 须由人说明的事项", "## For people to state"),
        "",
        *(f"- {words.say(*matter)}" for matter in matters),
    ]
