"""How the data set is had, loaded, checked and made again."""

from __future__ import annotations

import yaml

from curation.writing.markdown import code
from data_cards.sections.view import View


def distribution(view: View) -> list[str]:
    lines = [
        view.say("## 发布与使用", "## Distribution"),
        "",
        *view.stated("license", "access", "version", "citation", "example"),
        "",
        view.say("加载：", "To load it:"),
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        view.say('data = load_dataset("本文件夹的路径")', 'data = load_dataset("path/of/this/folder")'),
        "```",
        "",
        view.say("核对（逐项重算，不需联网）：", "To check it (computed again, offline):"),
        "",
        "```sh",
        view.say("govtune card check 本文件夹的路径", "govtune card check path/of/this/folder"),
        "```",
    ]
    if view.metrics["dataset"]["format"] == "arrow":
        place = lines.index("from datasets import load_dataset")
        lines[place] = "from datasets import load_from_disk"
        lines[place + 2] = lines[place + 2].replace("load_dataset", "load_from_disk")
    return lines


def reproduction(view: View) -> list[str]:
    lock, digest = view.lock, view.metrics["lock"]
    title = view.say("## 复现", "## How to make it again")
    if lock is None or digest is None:
        return [
            title,
            "",
            view.say(
                "没有处理配方和锁文件，无法复现；各数据文件的摘要见“数据组成”。",
                "There is neither recipe nor lock, so it cannot be made again; the digests of its files "
                "stand under Composition.",
            ),
        ]
    recipe = yaml.safe_dump(lock["recipe"], allow_unicode=True, sort_keys=False).rstrip().splitlines()
    packages = view.words.join(
        f"{code(name)} {version}" for name, version in sorted(lock["packages"].items())
    )
    sha256 = code(digest["sha256"])
    key = code(lock["key"]) if lock["key"] else view.say("无", "none")
    return [
        title,
        "",
        view.say(
            "输入、配方、软件版本和密钥相同，则输出逐字节相同：`govtune curate 配方 输入 -o 输出文件夹`。",
            "The same input, recipe, versions and key give the same bytes: "
            "`govtune curate RECIPE INPUT -o FOLDER`.",
        ),
        "",
        view.say(f"- 密钥指纹：{key}", f"- Fingerprint of the key: {key}"),
        view.say(f"- 软件包：{packages}", f"- Packages: {packages}"),
        view.say(
            f"- `govtune.lock.json`（载有各输入文件和数据文件的摘要）的 SHA-256：{sha256}",
            f"- SHA-256 of `govtune.lock.json`, which holds the digests of input and data files: {sha256}",
        ),
        "",
        "```yaml",
        *recipe,
        "```",
    ]
