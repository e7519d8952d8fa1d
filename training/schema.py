"""The sections of a training recipe and what each key means, in both languages.

Every key has a default that `Recipe.resolved` writes out; an unknown key is an error. Reading this needs no
torch. `docs/recipe.md` is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic.fields import FieldInfo

TINY = "tiny"
"""The `model.path` of the character model that ships with govtune."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")

Objective = Literal["sft", "seq_cls", "token_cls", "dpo"]


def key(
    en: str, zh: str, default: Any = ..., *, made: Callable[..., Any] | None = None, **limits: Any
) -> Any:
    """A field with its meaning in English and Chinese; `made` computes its default from the fields above."""
    given: dict[str, Any] = {"default_factory": made} if made else {"default": default}
    return Field(description=en, json_schema_extra={"zh": zh}, **given, **limits)


def meaning(field: FieldInfo) -> tuple[str, str]:
    """A field's meaning, English and Chinese."""
    extra = field.json_schema_extra
    return field.description or "", str(extra["zh"]) if isinstance(extra, dict) else ""


class Section(BaseModel):
    """A part of a recipe. An unknown key is an error; a key without a value has its default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None}


class Description(Section):
    """One text in two languages; a text without a language stands for both."""

    zh: str = key("Chinese", "中文", "")
    en: str = key("English", "英文", "")

    @model_validator(mode="before")
    @classmethod
    def _same_in_both(cls, data: Any) -> Any:
        return {"zh": data, "en": data} if isinstance(data, str) else data


class Quantisation(Section):
    """The frozen weights in 4 or 8 bits while the adapter is trained (QLoRA, arXiv 2305.14314)."""

    bits: Literal[4, 8] = key("bits per weight", "每个权重的位数", 4)
    type: Literal["nf4", "fp4"] = key("number format (4 bits only)", "数值格式（仅 4 位）", "nf4")
    double: bool = key("quantise the scales too (4 bits only)", "对缩放系数再量化（仅 4 位）", True)


class Model(Section):
    """The model that is tuned."""

    path: str = key(
        "`tiny`, a directory that transformers saved, or `owner/name` on a hub",
        "`tiny`、transformers 保存的目录，或模型库上的 `owner/name`",
        "",
    )
    revision: str | None = key(
        "commit of a model on a hub; without it two runs may tune different weights",
        "模型库上的提交号；没有它，两次运行可能用了不同的权重",
        None,
    )
    sha256: str | None = key(
        "digest of the model's folder, as the lock writes it; other weights are refused",
        "模型目录的摘要（锁文件中有）；权重不同则拒绝",
        None,
        pattern=r"^[0-9a-f]{64}$",
    )
    dtype: Literal["auto", "bf16", "fp16", "fp32"] = key(
        "`auto` is bf16 where the device has it, else fp32; never fp16 unasked, which trains adapters only",
        "`auto`：设备支持时用 bf16，否则 fp32；不会擅自用 fp16（fp16 仅可训练适配器）",
        "auto",
    )
    device: Literal["auto", "cpu", "cuda", "npu"] = key(
        "where it runs; npu (Ascend) has not been run by us",
        "运行设备；npu（昇腾）我们没有实测过",
        "auto",
    )
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = key(
        "`auto`: flash_attention_2 on a GPU where it is installed, else sdpa",
        "`auto`：GPU 上装有 flash_attention_2 时用它，否则 sdpa",
        "auto",
    )
    quantisation: Quantisation | None = key(
        "QLoRA; needs a GPU and bitsandbytes", "QLoRA；需要 GPU 和 bitsandbytes", None
    )
    trust_remote_code: bool = key(
        "run Python that comes with the weights", "运行权重自带的 Python 代码", False
    )

    @property
    def on_hub(self) -> bool:
        """Whether `path` is an `owner/name` rather than a directory."""
        return bool(HUB_ID.fullmatch(self.path)) and not Path(self.path).is_dir()

    @model_validator(mode="after")
    def _can_be_loaded(self) -> Model:
        if not self.path:
            raise ValueError(
                "path: say which model to tune: --set model.path=DIR, a directory that transformers saved, "
                "or --hardware cpu for the small one that ships"
            )
        if self.on_hub and self.revision is None:
            raise ValueError(
                f"path: {self.path} is no directory, so it is a model on a hub: give its commit as revision"
            )
        if self.revision is not None and not self.on_hub:
            raise ValueError("revision: only a model on a hub has one, path names none")
        if self.device == "cpu" and self.dtype == "fp16":
            raise ValueError("dtype: fp16 does not train on a cpu; use fp32 or bf16")
        if self.attention == "flash_attention_2" and (self.device in ("cpu", "npu") or self.dtype == "fp32"):
            raise ValueError("attention: flash_attention_2 needs a GPU and bf16 or fp16")
        if self.quantisation and self.device in ("cpu", "npu"):
            raise ValueError("quantisation: bitsandbytes needs a GPU; leave it out or use device cuda")
        if self.quantisation and self.dtype == "fp32":
            raise ValueError("quantisation: computes in bf16 or fp16; set dtype")
        return self


def _as_word(value: Any) -> Any:
    """YAML takes on and off for true and false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


class Chat(Section):
    """How messages become tokens."""

    template: str = key(
        "`model` for the tokenizer's own chat template, or a Jinja file",
        "`model` 即分词器自带的对话模板，或一个 Jinja 文件",
        "model",
    )
    loss_on: Literal["assistant", "last_assistant", "all"] = key(
        "what is learnt: all answers, the last one, or every token of the conversation (objective sft)",
        "学习哪些内容：所有回答、最后一个回答，或对话的全部词元（仅 sft）",
        "assistant",
    )
    system: str = key(
        "`keep` the data's system messages, `none` of them, or this text in their place",
        "`keep` 保留数据中的系统消息，`none` 去掉，其他文字则替换它们",
        "keep",
    )
    user_length: int | None = key(
        "characters of a user's message that are read, in training and in evaluation alike; the rest is left "
        "out. For models too small for long letters; default: all",
        "用户每条消息读取的字符数上限，训练和评测一致，其余不读；用于读不了长文的小模型；默认全读",
        None,
        ge=16,
    )
    thinking: Annotated[Literal["off", "keep", "mask_empty"], BeforeValidator(_as_word)] = key(
        "of a hybrid model: `off` answers at once; `keep` learns the thoughts in the data; `mask_empty` "
        "learns those, but never an empty think block",
        "混合思考模型：`off` 直接作答；`keep` 学习数据中的思考；`mask_empty` 同上，但不学习空的思考块",
        "off",
    )
    stop_tokens: list[str] = key(
        "tokens that may end an answer besides those the model itself names",
        "除模型自己声明的以外，还可以结束回答的词元",
        [],
    )


class Source(Section):
    """A further data set that is mixed in."""

    path: str = key("a run folder or a file, as for --data", "运行目录或文件，同 --data")
    name: str = key(
        "what its loss is told under", "损失按此名称分别报告", made=lambda data: Path(data["path"]).stem
    )
    weight: float = key(
        "how often its train examples are taken; 0.5 takes half of them, drawn by the seed",
        "其训练样本取用的倍数；0.5 按种子随机取一半",
        1.0,
        gt=0,
        le=100,
    )
    max_rows: int | None = key("take at most so many train examples", "最多取多少条训练样本", None, ge=1)


class Data(Section):
    """Which examples are used."""

    sources: list[Source] = key("data sets mixed in besides --data", "除 --data 外混入的数据集", [])
    unlabelled: list[str] = key(
        "files with title or text that the model reads before it is tuned (`pretrain`)",
        "微调之前先让模型阅读的无标注文件（见 `pretrain`），含标题或正文列",
        [],
    )
    distil: float | None = key(
        "unlabelled letters that a linear labeller, fitted to the train split, is at least so sure of are "
        "learnt too, with its label (tasks with labels)",
        "用训练集拟合的线性标注器给无标注来信打标签，把握不低于此值的一并用于训练（仅有标签的任务）",
        None,
        gt=0,
        le=1,
    )
    max_length: int = key(
        "tokens of an example, template included", "一条样本的词元数上限，含模板", 2048, ge=16
    )
    overlong: Literal["drop", "error", "truncate_history"] = key(
        "what happens to a longer one: it is dropped and counted, refused, or loses its earliest turns; an "
        "answer is never cut",
        "超长样本：丢弃并计数、报错，或去掉最早的轮次；回答从不截断",
        "drop",
    )
    max_drop_fraction: float = key(
        "a larger share of dropped examples is an error", "丢弃比例超过此值即报错", 0.02, ge=0, lt=1
    )
    packing: Annotated[Literal["auto", "on", "off"], BeforeValidator(_as_word)] = key(
        "the examples of a step in rows of at most max_length tokens, where they do not see each other; "
        "`auto` where the median is shorter than half of max_length",
        "把一步内的样本拼成不超过 max_length 的行，互不可见；`auto`：中位长度不到 max_length 一半时启用",
        "auto",
    )
    test: float = key("share of a file without splits", "未划分文件的测试占比", 0.1, ge=0, lt=1)
    validation: float = key("share of a file without splits", "未划分文件的验证占比", 0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _can_be_split(self) -> Data:
        if self.test + self.validation >= 1:
            raise ValueError("test and validation together must be less than 1")
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("sources: two have the same name")
        return self


class Pretrain(Section):
    """Reading before tuning: all parameters of the base are trained on unlabelled text of the train side."""

    epochs: float = key("how often it is all read", "通读几遍", 3.0, gt=0)
    batch_size: int = key("texts per step", "每步的文本数", 16, ge=1)
    lr: float = key("highest learning rate", "最高学习率", 1e-3, gt=0)
    max_length: int = key(
        "characters of a text that are read; the rest is left out",
        "每条文本读取的字符数上限，其余不读",
        256,
        ge=16,
    )


class Adapter(Section):
    """What is trained: a LoRA adapter (arXiv 2106.09685), or with type `none` all parameters."""

    type: Literal["lora", "dora", "none"] = key(
        "`dora` also learns each column's length (arXiv 2402.09353); `none` trains the whole model",
        "`dora` 还学习各列的模长；`none` 训练整个模型",
        "lora",
    )
    rank: int = key("rank of the update (adapters only)", "更新矩阵的秩（仅适配器）", 16, ge=1)
    alpha: int = key(
        "the update is scaled by alpha/rank, with rslora by alpha/√rank; default twice the rank",
        "更新按 alpha/rank 缩放，rslora 时按 alpha/√rank；默认为秩的两倍",
        made=lambda data: 2 * data["rank"],
        ge=1,
    )
    dropout: float = key("share of the inputs left out", "输入的随机失活比例", 0.0, ge=0, lt=1)
    targets: str | list[str] = key(
        "`all-linear`: every linear layer but the head; or names of layers; or a regular expression for the "
        "whole name (adapters only)",
        "`all-linear`：除输出头外的全部线性层；或层名列表；或匹配完整层名的正则表达式（仅适配器）",
        "all-linear",
    )
    exclude: list[str] = key("layers left out of the targets", "从目标层中排除的层", [])
    rslora: bool = key("rank-stabilised scaling (arXiv 2312.03732)", "秩稳定缩放", False)
    init: str = key(
        "start: `default`, `gaussian`, `olora`, `pissa` or `pissa_niter_N` (arXiv 2404.02948; adapters only)",
        "初始化：`default`、`gaussian`、`olora`、`pissa` 或 `pissa_niter_N`（仅适配器）",
        "default",
        pattern=r"^(default|gaussian|olora|pissa|pissa_niter_[1-9]\d*)$",
    )
    modules_to_save: list[str] = key(
        "layers trained and saved whole beside the adapter", "与适配器一起整体训练并保存的层", []
    )
    continue_from: str | None = key(
        "folder of an adapter that is trained further", "在此适配器目录的基础上继续训练", None
    )

    @field_validator("targets")
    @classmethod
    def _some(cls, targets: str | list[str]) -> str | list[str]:
        if not targets:
            raise ValueError("name at least one layer")
        if isinstance(targets, str):
            try:
                re.compile(targets)
            except re.error:
                raise ValueError("neither all-linear nor a valid regular expression") from None
        return targets

    @model_validator(mode="after")
    def _begins_in_one_way(self) -> Adapter:
        if self.continue_from and self.init != "default":
            raise ValueError("init: an adapter that is trained further begins as it is; leave init out")
        if self.type == "dora" and self.init.startswith(("pissa", "olora")):
            raise ValueError(f"init: {self.init} is for type lora")
        return self


class Checkpointing(Section):
    """Which activations are computed twice instead of kept."""

    every_n_layers: int = key("only in each n-th layer", "每隔 n 层一次", 1, ge=1)
    offload: bool = key("keep the others in main memory", "其余激活放到内存", False)


class Train(Section):
    """How long and how fast."""

    epochs: float | None = key(
        "rounds over the examples; 3 unless max_steps is given", "训练轮数，未给 max_steps 时为 3", None, gt=0
    )
    max_steps: int | None = key("steps instead of epochs", "以步数代替轮数", None, ge=1)
    batch_size: int = key(
        "examples per step of the optimiser, whatever the number of devices, packed or not",
        "优化器每步的样本数，与设备数无关，装箱与否都一样",
        16,
        ge=1,
    )
    micro_batch_size: int = key(
        "examples at once on one device; smaller needs less memory, the result is the same up to rounding; a "
        "packed row is computed alone",
        "单个设备同时处理的样本数；越小越省显存，结果仅差舍入；装箱后的行总是单独计算",
        1,
        ge=1,
    )
    lr: float = key("highest learning rate", "最高学习率", 1e-4, gt=0)
    scheduler: Literal["cosine", "linear", "constant"] = key("how it falls", "学习率如何下降", "cosine")
    warmup: float = key(
        "below 1 the share of the steps, else their number", "小于 1 为占总步数的比例，否则为步数", 0.03, ge=0
    )
    weight_decay: float = key("of the trained parameters", "权重衰减", 0.0, ge=0)
    max_grad_norm: float = key("gradients are cut to this length", "梯度裁剪的范数", 1.0, gt=0)
    optimiser: Literal["adamw", "adamw_8bit", "paged_adamw_8bit"] = key(
        "8-bit ones need a GPU and bitsandbytes", "8 位的需要 GPU 和 bitsandbytes", "adamw"
    )
    neftune_alpha: float | None = key(
        "noise on the embeddings (arXiv 2310.05914)", "嵌入噪声（NEFTune）", None, gt=0
    )
    activation_checkpointing: bool | Checkpointing = key(
        "compute activations twice instead of keeping them", "激活重算以节省显存", False
    )
    kernels: Literal["none", "liger"] = key(
        "`liger` fuses the head with the loss on a GPU: pip install 'govtune[gpu]'",
        "`liger` 在 GPU 上融合输出头与损失：pip install 'govtune[gpu]'",
        "none",
    )
    compile: bool = key("torch.compile; slow to start", "torch.compile，启动较慢", False)
    distributed: Literal["ddp", "fsdp2", "zero2", "zero3"] | None = key(
        "which file of recipes/accelerate is used when several processes are started; fsdp2, zero2 and zero3 "
        "have not been run by us",
        "多进程启动时使用 recipes/accelerate 中的哪个配置；fsdp2、zero2、zero3 我们没有实测过",
        None,
    )
    save_every: int | None = key(
        "steps between checkpoints; default: none is saved; with evaluate.best at every measurement instead",
        "每隔多少步存检查点；默认不存；evaluate.best 时改为每次评估都存",
        None,
        ge=1,
    )

    @model_validator(mode="before")
    @classmethod
    def _some_length(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("epochs") is None and data.get("max_steps") is None:
            return {**data, "epochs": 3.0}
        return data

    @field_validator("warmup")
    @classmethod
    def _share_or_steps(cls, warmup: float) -> float:
        if warmup >= 1 and not warmup.is_integer():
            raise ValueError("below 1 it is a share of the steps, else a whole number of them")
        return warmup

    @model_validator(mode="after")
    def _adds_up(self) -> Train:
        if self.epochs is not None and self.max_steps is not None:
            raise ValueError("epochs and max_steps are both given; give one")
        if self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of micro_batch_size {self.micro_batch_size}"
            )
        return self


class EarlyStop(Section):
    """When training ends before its time."""

    patience_evals: int = key("measurements without a better one", "连续多少次评估没有改进", 3, ge=1)
    min_delta: float = key("what counts as better, nats", "至少改进多少（奈特）", 0.0, ge=0)


class Generate(Section):
    """Answers that the models write on their own when they are evaluated."""

    rows: int = key("held-out examples that are answered", "作答的留出样本数", 200, ge=1)
    max_new_tokens: int = key("longest answer", "回答的最大词元数", 256, ge=1)


class Evaluate(Section):
    """How base and tuned model are measured on the held-out split."""

    every: int | None = key(
        "steps between measurements of the loss on the validation split; default: none",
        "每隔多少步在验证集上测一次损失；默认不测",
        None,
        ge=1,
    )
    best: bool = key(
        "keep the adapter of the lowest validation loss instead of the last",
        "保留验证损失最低的适配器，而不是最后一个",
        False,
    )
    early_stop: EarlyStop | None = key(
        "stop when the validation loss no longer falls", "验证损失不再下降时提前停止", None
    )
    batch_size: int = key("examples at once", "同时处理的样本数", 16, ge=1)
    generate: Generate = key(
        "answers written for tasks without labels", "无标签任务的生成评估", made=Generate
    )

    @model_validator(mode="after")
    def _measures_what_it_needs(self) -> Evaluate:
        if (self.best or self.early_stop) and not self.every:
            raise ValueError("every: best and early_stop need measurements; say every how many steps")
        return self


class Labels(Section):
    """Of the objectives seq_cls and token_cls."""

    names: list[str] = key(
        "the labels; default: those of the task's taxonomy, or those that occur in the data",
        "标签；默认为任务分类体系的标签，或数据中出现的标签",
        [],
    )
    class_weight: Literal["none", "balanced"] = key(
        "`balanced` counts a rare label's examples more", "`balanced` 加大少见标签样本的权重", "none"
    )


class Preference(Section):
    """Of the objective dpo (arXiv 2305.18290)."""

    beta: float = key("how close the tuned model stays to the base", "与基座保持接近的强度", 0.1, gt=0)
    loss: Literal["sigmoid", "ipo", "hinge"] = key("kind of the loss", "损失类型", "sigmoid")
    label_smoothing: float = key(
        "share of wrong preferences assumed", "假定的错误偏好比例", 0.0, ge=0, lt=0.5
    )

    @model_validator(mode="after")
    def _known_for_this_loss(self) -> Preference:
        if self.label_smoothing and self.loss != "sigmoid":
            raise ValueError("label_smoothing: only of the loss sigmoid")
        return self


Format = Literal["merged", "vllm", "ollama", "gguf"]
GgufType = Literal["auto", "f32", "f16", "bf16", "q8_0"]
"""What llama.cpp's converter writes; `auto` is the 16-bit type of the weights."""


class Export(Section):
    """What is written besides the adapter when training ends; `govtune export` does the same later."""

    formats: list[Format] = key(
        "`merged` weights, a `vllm` command, an `ollama` Modelfile, `gguf` where its converter is installed",
        "`merged` 合并权重、`vllm` 启动命令、`ollama` Modelfile、`gguf`（需装有转换器）",
        [],
    )


class Report(Section):
    """Journals and reports; JSON lines and HTML are always written."""

    to: list[Literal["tensorboard"]] = key("further journals", "另外写入的日志", [])
    peak_tflops: float | None = key(
        "peak of the device for utilisation; default: known for common cards",
        "设备峰值算力（TFLOP/s），用于利用率；常见卡已内置",
        None,
        gt=0,
    )


def _path_or_none(value: Any) -> Any:
    return value or None


class Recipe(Section):
    """The content of a recipe file."""

    schema_: Literal["training/1"] = key("version of this format", "格式版本", alias="schema")
    name: str = key("name of the training", "训练的名称", pattern=r"^[\w.-]+$")
    description: Description = key("what it is for", "用途", made=Description)
    seed: int = key(
        "of the adapter's weights and the order of the examples; the same seed gives the same adapter",
        "适配器初始权重与样本顺序的种子；种子相同，适配器相同",
        42,
        ge=0,
        lt=2**32,
    )
    deterministic: bool = key(
        "slower GPU kernels that give the same bytes; a CPU always does",
        "GPU 上用较慢但逐位一致的算子；CPU 始终一致",
        False,
    )
    objective: Objective = key(
        "`sft` learns to answer; `seq_cls` and `token_cls` put a classification head on a text or its "
        "tokens; `dpo` learns from preferred answers",
        "`sft` 学习作答；`seq_cls`、`token_cls` 给文本或词元加分类头；`dpo` 从偏好中学习",
        "sft",
    )
    task: Annotated[str | None, BeforeValidator(_path_or_none)] = key(
        "a shipped task template or a YAML file, which turns records into messages; none: rows hold messages",
        "内置任务模板或 YAML 文件，把记录变成消息；不填则数据须自带消息",
        None,
    )
    model: Model = key("the model that is tuned", "被微调的模型")
    chat: Chat = key(
        "how messages become tokens (not of token_cls)", "消息如何变成词元（token_cls 不用）", made=Chat
    )
    data: Data = key("which examples are used", "使用哪些样本", made=Data)
    pretrain: Pretrain | None = key(
        "read unlabelled text first, with all parameters", "先通读无标注文本（训练全部参数）", None
    )
    adapter: Adapter = key("what is trained", "训练什么", made=Adapter)
    train: Train = key("how long and how fast", "训练多久、多快", made=Train)
    evaluate: Evaluate = key("how it is measured", "如何评估", made=Evaluate)
    labels: Labels = key("of seq_cls and token_cls", "用于 seq_cls 与 token_cls", made=Labels)
    preference: Preference = key("of dpo", "用于 dpo", made=Preference)
    export: Export = key("what is written besides the adapter", "除适配器外还写出什么", made=Export)
    report: Report = key("journals and reports", "日志与报告", made=Report)

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        if self.data.distil is not None and not (self.data.unlabelled and self.task):
            raise ValueError("data.distil: needs texts in data.unlabelled and a task with labels")
        if self.data.unlabelled and self.pretrain is None and self.data.distil is None:
            raise ValueError("data.unlabelled: nothing reads these files; add pretrain or data.distil")
        if self.pretrain and self.model.quantisation:
            raise ValueError("pretrain: trains all parameters, which quantised weights do not allow")
        if self.adapter.type == "none" and self.model.quantisation:
            raise ValueError("adapter.type: none trains all parameters, which quantised weights do not allow")
        if self.adapter.type == "none" and self.adapter.continue_from:
            raise ValueError("adapter.continue_from: type none has no adapter")
        if self.adapter.init.startswith(("pissa", "olora")) and self.model.quantisation:
            raise ValueError(f"adapter.init: {self.adapter.init} needs weights that are not quantised")
        if self.train.neftune_alpha and self.data.packing == "on":
            raise ValueError("data.packing: NEFTune scales its noise by a row's length; leave packing out")
        if self.train.optimiser != "adamw" and self.model.device in ("cpu", "npu"):
            raise ValueError(f"train.optimiser: {self.train.optimiser} needs a GPU; use adamw")
        if self.train.kernels == "liger" and self.model.device in ("cpu", "npu"):
            raise ValueError("train.kernels: liger needs a GPU; use none")
        return self

    @model_validator(mode="after")
    def _can_be_trained_where_it_lies(self) -> Recipe:
        """Torch does not unscale gradients of fp16 weights. peft keeps an adapter in fp32, and beside
        quantised weights also what is trained whole."""
        whole = {
            "adapter.type none": self.adapter.type == "none",
            "pretrain": self.pretrain is not None,
            "adapter.modules_to_save": bool(self.adapter.modules_to_save),
            f"the head of {self.objective}": self.objective in ("seq_cls", "token_cls"),
        }
        if self.model.dtype == "fp16" and not self.model.quantisation and any(whole.values()):
            first = next(what for what, trained in whole.items() if trained)
            raise ValueError(f"model.dtype: fp16 trains adapters only, not {first}; use bf16 or fp32")
        if self.pretrain and self.train.distributed in ("fsdp2", "zero3"):
            raise ValueError(
                f"pretrain: with {self.train.distributed} no process holds the model that is saved; use ddp"
            )
        return self

    @model_validator(mode="after")
    def _fits_the_objective(self) -> Recipe:
        objective = self.objective
        if objective == "token_cls" and self.chat != Chat():
            raise ValueError("chat: token_cls reads rows with text and spans, no messages; leave chat out")
        if objective in ("dpo", "seq_cls") and self.chat.loss_on != Chat().loss_on:
            raise ValueError(f"chat.loss_on: {objective} learns from the last answer alone; leave it out")
        if objective == "dpo" and self.task:
            raise ValueError("task: dpo reads rows with messages, chosen and rejected; leave task out")
        if objective == "token_cls" and self.task:
            raise ValueError("task: token_cls reads rows with text and spans; leave task out")
        if objective in ("dpo", "token_cls") and (self.pretrain or self.data.distil is not None):
            key = "pretrain" if self.pretrain else "data.distil"
            raise ValueError(f"{key}: only of the objectives sft and seq_cls, whose rows are conversations")
        if objective != "sft" and self.data.packing == "on":
            raise ValueError(f"data.packing: {objective} is not packed; leave it out")
        if objective != "sft" and self.data.overlong == "truncate_history":
            raise ValueError(f"data.overlong: {objective} has no turns to leave out; use drop or error")
        if objective != "sft" and self.train.kernels == "liger":
            raise ValueError("train.kernels: liger fuses the loss of answers, objective sft; use none")
        if objective in ("sft", "dpo") and self.labels != Labels():
            raise ValueError(f"labels: only of seq_cls and token_cls, the objective is {objective}")
        if objective != "dpo" and self.preference != Preference():
            raise ValueError(f"preference: only of dpo, the objective is {objective}")
        if objective in ("seq_cls", "token_cls") and set(self.export.formats) - {"merged"}:
            raise ValueError(f"export.formats: of {objective} only merged; the others are for chat models")
        return self

    def resolved(self) -> dict[str, Any]:
        """The recipe as it runs, every default written out. `parse` reads it."""
        return self.model_dump(mode="json", by_alias=True)
