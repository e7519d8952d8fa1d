"""The `govtune` command: joins the packages' own Typer apps and turns their errors into one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from curation.cli import ManyInputs
from curation.cli import app as curation
from curation.deduplicate.cli import deduplicate
from curation.deduplicate.index.cli import app as index
from curation.errors import EngineError, UsageError, place
from curation.instruct.cli import export_data
from curation.label.audit_cli import label_audit
from curation.label.cli import label, label_fit
from curation.label.summary_cli import label_summary
from curation.review.cli import review
from curation.review.exchange.cli import review_agreement, review_export, review_import
from data_cards.cli import app as data_cards
from govtune.demo import demo
from govtune.doctor import doctor
from govtune.plan import plan
from govtune.recipes import app as recipes
from training.cli import app as training

app = typer.Typer(
    help="Turn government records into lawful, clean, measured training data, and tune models on it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its traceback would print local variables, and with them records
    add_completion=False,
)
app.add_typer(curation)
app.add_typer(training)
app.add_typer(data_cards, name="card")
app.add_typer(recipes, name="recipes")
app.add_typer(index, name="index")
for command in (
    deduplicate,
    label_fit,
    label,
    label_summary,
    label_audit,
    review,
    review_export,
    review_import,
    review_agreement,
    export_data,
    demo,
    doctor,
):
    app.command()(command)
app.command(cls=ManyInputs)(plan)


@app.callback()
def front(ctx: typer.Context) -> None:
    """Hands the card writer to `curate`, so that curation need not know data_cards."""
    ctx.obj = _card


def main() -> None:
    """Entry point. 0 done, 1 a check was not met or a defect of govtune, 2 wrong usage or unusable input."""
    try:
        app()
    except UsageError as error:
        _end(str(error), 2)
    except EngineError as error:
        _end(str(error), 1)
    except OSError as error:
        _end(f"{error.filename or 'input or output'}: {error.strerror or type(error).__name__}", 2)
    except Exception as error:  # an unknown error's message may hold a record's text: name the place only
        if os.environ.get("GOVTUNE_DEBUG"):
            raise
        _end(
            f"internal error: {place(error)}; GOVTUNE_DEBUG=1 shows the traceback, which may show records", 1
        )


def _card(run: Path, private: Path) -> None:
    from data_cards.outputs import build

    build(run, private)


def _end(line: str, code: int) -> None:
    print(f"govtune: {line}", file=sys.stderr)
    sys.exit(code)
