// The personal-data mode: the original text with a mark on every span, which can be deleted, changed and added.
// Places are in UTF-16 units here and become code points when they are sent.

import { Offsets } from "./offsets.js";
import { showOriginal } from "./record.js";
import { byId, element, fill, show, texts } from "./texts.js";

let fields = [];
let types = [];
let offsets = {};
let before = new Set();
let spans = [];
let active = null;
let selected = null;
const marks = new Map();

/** Called once. */
export function prepare() {
  document.addEventListener("selectionchange", select);
  byId("mark-text").addEventListener("input", () => {
    selected = null;
    tell();
  });
  byId("mark-text").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    forget();
    byId("mark-text").blur();
  });
  byId("mark-form").addEventListener("submit", (event) => {
    event.preventDefault();
    apply(byId("more-types").value);
  });
  byId("mark-delete").addEventListener("click", remove);
}

/** Shows a record's original. */
export function open(record, original) {
  fields = original.fields;
  types = record.types;
  offsets = Object.fromEntries(fields.map(({ field, text }) => [field, new Offsets(text)]));
  spans = original.spans.map((span) => ({
    ...span,
    start: offsets[span.field].units(span.start),
    end: offsets[span.field].units(span.end),
  }));
  before = new Set(spans.map(name));
  active = null;
  byId("types").replaceChildren(...types.slice(0, 9).map(typeButton));
  byId("more-types").replaceChildren(...types.map((type) => element("option", { value: type.type }, type.name)));
  forget();
  draw();
}

/** Nothing of the original stays behind on the page. */
export function close() {
  fields = [];
  spans = [];
  marks.clear();
  active = selected = null;
  byId("mark-text").value = "";
}

/** All the spans, as the server counts. */
export function sent() {
  return spans.map((span) => ({
    field: span.field,
    start: offsets[span.field].points(span.start),
    end: offsets[span.field].points(span.end),
    type: span.type,
  }));
}

/** The keys of the mode, outside its inputs; true where the key was one. */
export function key(pressed) {
  if (pressed === "ArrowRight" || pressed === "ArrowDown") step(1);
  else if (pressed === "ArrowLeft" || pressed === "ArrowUp") step(-1);
  else if (/^[1-9]$/.test(pressed)) types[Number(pressed) - 1] && apply(types[Number(pressed) - 1].type);
  else if (pressed === "Delete" || pressed === "Backspace") remove();
  else if (pressed === "/") byId("mark-text").focus();
  else return false;
  return true;
}

function name(span) {
  return [span.field, span.start, span.end, span.type].join();
}

function typeButton(type, place) {
  const made = element(
    "button",
    { type: "button", class: `type ${type.group}${type.stays ? " stays" : ""}` },
    element("kbd", {}, String(place + 1)),
    type.name,
  );
  made.addEventListener("mousedown", (event) => event.preventDefault()); // the selection stays
  made.addEventListener("click", () => apply(type.type));
  return made;
}

/** What stands to be marked: the selection, every place of what was typed, or the active mark. */
function target() {
  if (selected) return [selected];
  const typed = byId("mark-text").value.trim();
  if (typed) return places(typed);
  return active ? [active] : [];
}

function places(typed) {
  const found = [];
  for (const { field, text } of fields) {
    for (let start = text.indexOf(typed); start >= 0; start = text.indexOf(typed, start + typed.length)) {
      const span = { field, start, end: start + typed.length };
      if (!spans.some((other) => overlap(span, other))) found.push(span);
    }
  }
  return found;
}

function apply(type) {
  const made = target().map(({ field, start, end }) => ({ field, start, end, type }));
  if (!made.length) return;
  // A selection that is drawn wider or narrower takes the place of what it touches.
  spans = [...spans.filter((span) => !made.some((one) => overlap(one, span))), ...made];
  active = made[0];
  byId("more-types").value = type;
  forget();
  draw();
}

function remove() {
  if (!active) return;
  const place = ordered().indexOf(active);
  spans = spans.filter((span) => span !== active);
  active = ordered()[Math.min(place, spans.length - 1)] ?? null;
  draw();
}

function step(by) {
  const all = ordered();
  if (!all.length) return;
  const place = all.indexOf(active);
  activate(all[place < 0 ? (by > 0 ? 0 : all.length - 1) : (place + by + all.length) % all.length]);
}

function activate(span) {
  marks.get(active)?.classList.remove("active");
  active = span;
  forget();
  point();
}

/** Shows which mark is the active one. */
function point() {
  const chosen = marks.get(active);
  chosen?.classList.add("active");
  chosen?.scrollIntoView({ block: "nearest" });
  chosen?.focus({ preventScroll: true });
  tell();
}

function overlap(one, other) {
  return one.field === other.field && one.start < other.end && other.start < one.end;
}

function ordered() {
  const order = fields.map(({ field }) => field);
  return [...spans].sort((a, b) => order.indexOf(a.field) - order.indexOf(b.field) || a.start - b.start);
}

function forget() {
  selected = null;
  byId("mark-text").value = "";
  document.getSelection()?.removeAllRanges();
  tell();
}

function draw() {
  const all = ordered();
  marks.clear();
  showOriginal(fields, (body, field, text) => {
    let at = 0;
    for (const span of all.filter((one) => one.field === field)) {
      body.append(text.slice(at, span.start), mark(span, text.slice(span.start, span.end)));
      at = span.end;
    }
    body.append(text.slice(at));
  });
  point();
}

/** A mark; its type is written by the style sheet, so that the text holds nothing else. */
function mark(span, text) {
  const type = types.find((one) => one.type === span.type);
  const said = type?.name ?? span.type;
  const made = element(
    "mark",
    {
      class: `${type?.group ?? "number"}${type?.stays ? " stays" : ""}`,
      "data-type": type?.stays ? `${said}·${texts.stays}` : said,
      role: "button",
      tabindex: "0",
      "aria-label": `${said} ${text}`,
    },
    text,
  );
  made.addEventListener("click", () => {
    if (!document.getSelection().isCollapsed) return;
    activate(span);
  });
  marks.set(span, made);
  return made;
}

function select() {
  const selection = document.getSelection();
  if (!selection.rangeCount || selection.isCollapsed || byId("personal-panel").hidden) return;
  const range = selection.getRangeAt(0);
  const body = elementOf(range.startContainer)?.closest(".original");
  if (!body || elementOf(range.endContainer)?.closest(".original") !== body) return;
  const field = body.dataset.field;
  const text = fields.find((one) => one.field === field).text;
  let [start, end] = [place(body, range.startContainer, range.startOffset), place(body, range.endContainer, range.endOffset)];
  if (offsets[field].splits(start)) start -= 1;
  if (offsets[field].splits(end)) end += 1;
  while (start < end && /\s/.test(text[start])) start += 1;
  while (start < end && /\s/.test(text[end - 1])) end -= 1;
  if (start === end) return;
  selected = { field, start, end };
  byId("mark-text").value = text.slice(start, end);
  tell();
}

function elementOf(node) {
  return node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
}

/** Units of text in `body` before a place. */
function place(body, container, offset) {
  const range = document.createRange();
  range.selectNodeContents(body);
  range.setEnd(container, offset);
  return range.toString().length;
}

function tell() {
  const marked = target();
  const typed = !selected && byId("mark-text").value.trim() !== "";
  byId("mark-give").disabled = !marked.length;
  byId("mark-give").textContent = selected
    ? texts.mark_selection
    : typed
      ? marked.length ? fill(texts.mark_all, { n: marked.length }) : texts.mark_nothing
      : active ? texts.mark_change : texts.mark_selection;
  for (const button of byId("types").children) button.disabled = !marked.length;
  if (active && !selected && !typed) byId("more-types").value = active.type;
  show("mark-delete", active !== null);
  byId("mark-count").textContent = spans.length ? fill(texts.personal_count, { n: spans.length }) : texts.personal_none;
  const now = new Set(spans.map(name));
  const changes = [...now].filter((one) => !before.has(one)).length + [...before].filter((one) => !now.has(one)).length;
  byId("personal-save").replaceChildren(
    changes ? fill(texts.save_changes, { n: changes }) : texts.all_right,
    " ",
    element("kbd", {}, "Enter"),
  );
}
