"""The command `review`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curation.errors import UsageError
from curation.lang import Lang


def review(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder that curate wrote.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 8137,
    size: Annotated[int, typer.Option(help="How many records people should look at.")] = 200,
    seed: Annotated[int, typer.Option(help="Another seed draws other records.")] = 0,
    lang: Annotated[Lang, typer.Option(help="Language of the page; it has a switch, too.")] = "zh",
) -> None:
    """Let people label records and check their personal data, on a page that only this machine can open.

    What they decide stays in RUN.private/decisions.jsonl; the next curate applies it.

    Example: govtune review run --size 100
    """
    try:
        from curation.review.web.serve import serve
    except ModuleNotFoundError as error:
        raise UsageError(f"review needs {error.name}: pip install 'govtune[review]'") from None

    serve(run, port=port, size=size, seed=seed, lang=lang, say=typer.echo)
