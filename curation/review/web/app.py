"""The page's addresses: three pages rendered here, and what their scripts ask for and say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import parse_qs

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curation.decisions import Marked, Role, tidy
from curation.errors import UsageError
from curation.review.desk import Desk
from curation.review.turns import RefusedError
from curation.review.web import payload
from curation.review.web.security import Session
from curation.review.web.texts import LANGUAGES, texts

HERE = Path(__file__).parent
_PAGES = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True)

MOST = 10_000
"""Spans of a record that a browser still shows in seconds."""

Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class _Said(BaseModel):
    """What a script says of a record: `content` is the digest of what was on the screen."""

    model_config = ConfigDict(extra="forbid")

    id: str
    content: str
    seconds: Seconds


class Labelled(_Said):
    """A label; None where the person cannot tell."""

    value: str | None


class Spanned(_Said):
    """All the personal data of a record."""

    spans: list[Marked] = Field(max_length=MOST)


class Skipped(BaseModel):
    """A record that the person leaves to others or to later."""

    model_config = ConfigDict(extra="forbid")

    id: str


class _UnknownError(Exception):
    """The browser has not said who sits at it."""


def create(desk: Desk) -> FastAPI:
    """The page over a desk. It belongs behind a `Gate`, which puts a session into each request."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    _add_pages(app, desk)
    _add_calls(app, desk)
    _add_errors(app)
    return app


def _session(request: Request) -> Session:
    session: Session = request.state.session
    return session


def _person(request: Request) -> Session:
    """The session of a browser whose person is known."""
    session = _session(request)
    if session.role is None:
        raise _UnknownError
    return session


AnySession = Annotated[Session, Depends(_session)]
Person = Annotated[Session, Depends(_person)]


def _add_pages(app: FastAPI, desk: Desk) -> None:
    @app.get("/")
    def front(session: AnySession) -> Response:
        return _page("start.html" if session.role is None else "work.html", session, desk)

    @app.post("/start")
    async def start(request: Request, session: AnySession) -> Response:
        form = await _form(request)
        name, role = tidy(form.get("name", "")), form.get("role", "")
        if fault := "bad_name" if not 1 <= len(name) <= 64 else "" if role in get_args(Role) else "bad_role":
            return _page("start.html", session, desk, error=texts(session.lang)[fault], status=400)
        session.name, session.role = name, "reviewer" if role == "reviewer" else "annotator"
        return RedirectResponse("/", 303)

    @app.post("/leave")
    def leave(session: AnySession) -> Response:
        session.role = None
        return RedirectResponse("/", 303)

    @app.post("/language")
    def language(session: AnySession) -> Response:
        session.lang = next(lang for lang in LANGUAGES if lang != session.lang)
        return RedirectResponse("/", 303)


def _add_calls(app: FastAPI, desk: Desk) -> None:
    def standing(person: Session, found: Any) -> dict[str, Any]:
        case = None if found is None else found[1]
        return payload.standing(desk, person.name, _role(person), case, person.lang)

    @app.get("/api/desk")
    def about(person: Person) -> dict[str, Any]:
        return {
            "texts": texts(person.lang),
            "role": person.role,
            "labels": payload.labels(desk.records.taxonomy, person.lang),
        }

    @app.get("/api/record")
    def record(person: Person) -> dict[str, Any]:
        return standing(person, desk.current(person.name, _role(person)))

    @app.post("/api/skip")
    def skip(said: Skipped, person: Person) -> dict[str, Any]:
        return standing(person, desk.next(person.name, _role(person), after=said.id))

    @app.post("/api/undo")
    def undo(person: Person) -> dict[str, Any]:
        found = desk.undo(person.name, _role(person))
        return {"undone": found is not None, **standing(person, found or _current(desk, person))}

    @app.get("/api/personal")
    def personal(id: str, person: Person) -> dict[str, Any]:
        case = desk.look(id)
        if len(case.marks) > MOST:
            raise RefusedError("many", "more personal data than a page can show")
        return payload.personal(case)

    @app.post("/api/answer")
    def answer(said: Labelled, person: Person) -> dict[str, Any]:
        told = desk.answer(
            said.id,
            person.name,
            _role(person),
            content=said.content,
            value=said.value,
            seconds=said.seconds,
        )
        case = desk.look(said.id)
        return {"revealed": payload.revealed(told), **standing(person, (None, case))}

    @app.post("/api/spans")
    def spans(said: Spanned, person: Person) -> dict[str, Any]:
        desk.answer(
            said.id,
            person.name,
            _role(person),
            content=said.content,
            labelled=False,
            spans=said.spans,
            seconds=said.seconds,
        )
        return standing(person, (None, desk.look(said.id)))


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RefusedError)
    def refused(request: Request, error: RefusedError) -> Response:
        return _told(texts(_session(request).lang)["why"][error.why], 409, why=error.why)

    @app.exception_handler(UsageError)
    def failed(request: Request, error: UsageError) -> Response:
        return _told(str(error), 500)

    @app.exception_handler(_UnknownError)
    def unknown(request: Request, error: _UnknownError) -> Response:
        return _told(texts(_session(request).lang)["who_first"], 401)

    @app.exception_handler(ValidationError)  # what no decision can say, such as spans that overlap
    @app.exception_handler(RequestValidationError)
    def faulty(request: Request, error: Exception) -> Response:
        return _told(texts(_session(request).lang)["faulty"], 422)

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        """The gate, which gets the error, too, says on the terminal where it arose."""
        return _told(texts(_session(request).lang)["internal"], 500)


def _told(error: str, status: int, **more: str) -> Response:
    return JSONResponse({"error": error, **more}, status)


def _page(name: str, session: Session, desk: Desk, *, error: str = "", status: int = 200) -> Response:
    said = {"t": texts(session.lang), "session": session, "people": desk.answers.people(), "error": error}
    return HTMLResponse(_PAGES.get_template(name).render(said), status)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; its few names and values need no package of their own."""
    body = (await request.body())[:10_000]
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _role(person: Session) -> Role:
    assert person.role is not None
    return person.role


def _current(desk: Desk, person: Session) -> Any:
    return desk.current(person.name, _role(person))
