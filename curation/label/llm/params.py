"""What the LLM annotator is told. Nothing leaves by default: `hosts` is empty."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from curation.label.llm.endpoint import Endpoint, permitted

OURS = (
    *("model", "messages", "temperature", "seed", "max_tokens", "stream", "n", "tools", "tool_choice"),
    *("response_format", "structured_outputs", "guided_choice"),
)
"""Fields of the request that `extra_body` must not touch."""


class Price(BaseModel):
    """What a million tokens cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: float = Field(ge=0, allow_inf_nan=False)
    completion: float = Field(ge=0, allow_inf_nan=False)
    currency: str = Field("CNY", pattern=r"^[A-Z]{3}$")

    def of(self, prompt: int, completion: int) -> float:
        """The cost of so many tokens."""
        return (prompt * self.prompt + completion * self.completion) / 1_000_000


class LlmParams(BaseModel):
    """Options.

    Attributes:
        url: base URL of the endpoint, for example http://127.0.0.1:11434/v1; /chat/completions is appended.
        model: as the endpoint calls it.
        hosts: `host[:port]` to which text may leave; `http://host` for one beyond this machine and private
            addresses that has no https.
        api_key_env: name of the environment variable that holds the key; the key is written nowhere.
        ca_file: certificates (PEM) to trust instead of the usual ones, for an office's own authority. The
            environment (SSL_CERT_FILE, proxies, .netrc) is not looked at.
        constraint: how the answer is held to the labels. `json_schema`: `response_format`, for vLLM, Ollama
            (from 0.5 on) and most others. `guided_choice`: vLLM's own, under its name before 0.12
            (`guided_choice`) and since (`structured_outputs.choice`). `none`: by the prompt alone.
        extra_body: further fields of the request, such as `reasoning_effort: none` (Ollama) or
            `chat_template_kwargs: {enable_thinking: false}` (vLLM), which spare the tokens of thinking.
        seed: handed on; the temperature is 0.
        max_tokens: of an answer; a model that thinks needs many more.
        timeout: seconds for one answer as a whole.
        retries: how often a request is sent again after 408, 429, 5xx, a timeout or a lost connection.
        backoff: seconds before the first of them, doubled each time; `Retry-After` counts where it is longer.
        concurrency: requests under way at once. One request asks for one text, so that no text can speak for
            another; the labels stand first, so servers that cache prefixes read them once.
        price: of a million tokens, for the cost report.
        max_cost: no request is sent that could take the cost over it; the texts left abstain.
        examples: of each label that the prompt shows; from the taxonomy only.
        characters: of a text that leave; what follows is cut off and counted.
        policy: which types of personal data must not be found in a text that leaves: those it changes.
        names: the name engine of that look, `none` for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    model: str = Field(min_length=1)
    hosts: tuple[str, ...] = ()
    api_key_env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    ca_file: str | None = None
    constraint: Literal["json_schema", "guided_choice", "none"] = "json_schema"
    extra_body: dict[str, Any] = {}
    seed: int = 7
    max_tokens: int = Field(128, ge=1)
    timeout: float = Field(60, gt=0, allow_inf_nan=False)
    retries: int = Field(3, ge=0, le=10)
    backoff: float = Field(1, ge=0, allow_inf_nan=False)
    concurrency: int = Field(4, ge=1, le=256)
    price: Price | None = None
    max_cost: float | None = Field(None, ge=0, allow_inf_nan=False)
    examples: int = Field(1, ge=0)
    characters: int = Field(4000, ge=1)
    policy: str = "letters"
    names: str = "crf"

    @model_validator(mode="after")
    def _sound(self) -> LlmParams:
        permitted(self.url, self.hosts)
        if self.max_cost is not None and self.price is None:
            raise ValueError("max_cost needs a price")
        for field in OURS:
            if field in self.extra_body:
                raise ValueError(f"extra_body: {field} is set by govtune")
        return self

    @property
    def endpoint(self) -> Endpoint:
        """Where the requests go."""
        return permitted(self.url, self.hosts)
