// One record at a time: label or check it, see what the machine says, go on. Every answer is saved on the way.

import * as labels from "./labels.js";
import * as personal from "./personal.js";
import { showMasked } from "./record.js";
import { Refused, get, post } from "./server.js";
import { byId, element, fill, learn, show, texts } from "./texts.js";

let desk = null;
let record = null;
let mode = null;
let busy = false;
let clock = { since: 0, spent: 0 };

start();

async function start() {
  await tried(async () => {
    desk = await get("/api/desk");
    learn(desk.texts);
    labels.prepare(desk.labels, answer);
    personal.prepare();
    listen();
    await enter(await get("/api/record"));
  });
}

function listen() {
  const onClick = (id, action) => byId(id).addEventListener("click", action);
  onClick("personal-open", checkPersonal);
  onClick("cannot-tell", () => answer(null));
  onClick("next", goOn);
  onClick("change", change);
  onClick("personal-save", savePersonal);
  onClick("personal-back", leavePersonal);
  onClick("look-again", () => tried(async () => await enter(await get("/api/record"))));
  onClick("help-open", () => byId("help").showModal());
  for (const button of document.querySelectorAll("button.skip")) button.addEventListener("click", skip);
  for (const button of document.querySelectorAll("button.undo")) button.addEventListener("click", undo);
  document.addEventListener("keydown", pressed);
  document.addEventListener("visibilitychange", pause);
}

/** A record and how far the queue is, as the server tells them. */
async function enter(told, note = "") {
  progress(told.progress);
  say(note);
  record = told.record;
  if (!record) {
    end(told.progress);
    return;
  }
  clock = { since: performance.now(), spent: 0 };
  read();
  if (!record.asked.personal && record.asked.label) return ask();
  turn("opening");
  await openPersonal();
}

/** The record as it may be read by everybody who works here. */
function read() {
  personal.close();
  byId("record-id").textContent = record.id;
  showMasked(record.fields);
  show("personal-open", record.types.length > 0);
  const { corrected } = record;
  byId("corrected").textContent = !corrected
    ? record.types.length ? texts.masked : ""
    : corrected.own ? texts.corrected_own : fill(texts.corrected, { name: corrected.by });
}

function ask() {
  turn("label");
  show("changing", false);
  labels.reset();
  window.scrollTo(0, 0);
}

function turn(to) {
  mode = to;
  show("work", to !== "end");
  show("end", to === "end");
  show("label-panel", to === "label");
  show("reveal-panel", to === "reveal");
  show("personal-panel", to === "personal");
}

async function answer(label) {
  const value = label?.value ?? null;
  await tried(async () => {
    const told = await post("/api/answer", { id: record.id, content: record.content, value, seconds: seconds() });
    progress(told.progress);
    say("");
    record = told.record;
    reveal(value, told.revealed);
  });
}

function reveal(value, { suggestion, others }) {
  const said = (other) => (other === null ? texts.cannot_tell : labels.named(other));
  const compared = (other) =>
    element("span", { class: other === value ? "tag good" : "tag warn" }, other === value ? texts.same : texts.differs);
  const rows = [element("dt", {}, texts.your_answer), element("dd", {}, element("b", {}, said(value)))];
  for (const { by, value: other } of others) {
    rows.push(element("dt", {}, fill(texts.other_said, { name: by })), element("dd", {}, element("b", {}, said(other)), compared(other)));
  }
  if (!suggestion) {
    rows.push(element("dt", {}, texts.machine), element("dd", {}, texts.machine_none));
  } else {
    rows.push(
      element("dt", {}, texts.machine),
      element("dd", {}, element("b", {}, said(suggestion.value)), compared(suggestion.value), why(suggestion)),
    );
  }
  byId("revealed").replaceChildren(...rows);
  turn("reveal");
  byId("next").focus({ preventScroll: true });
  byId("reveal-panel").scrollIntoView({ block: "nearest" });
}

function why({ method, confidence, abstained }) {
  const parts = [texts.methods[method] ?? method];
  if (confidence !== null) parts.push(fill(texts.confidence, { n: confidence.toFixed(2) }));
  if (abstained) parts.push(texts.unsure);
  return element("p", { class: "hint" }, parts.join(" · "));
}

function change() {
  ask();
  show("changing", true);
}

function goOn() {
  if (record.asked.personal) return checkPersonal();
  return tried(async () => await enter(await get("/api/record")));
}

function checkPersonal() {
  return tried(openPersonal);
}

async function openPersonal() {
  const original = await get(`/api/personal?id=${encodeURIComponent(record.id)}`);
  read();
  turn("personal");
  show("personal-open", false);
  byId("corrected").textContent = texts.personal_original;
  show("held", record.held && !record.corrected);
  byId("suspected").textContent = record.suspected.length
    ? fill(texts.personal_suspected, { types: record.suspected.join("、") })
    : "";
  show("personal-back", desk.labels.length > 0 && record.asked.label);
  personal.open(record, original);
  document.activeElement?.blur();
  window.scrollTo(0, 0);
}

function leavePersonal() {
  if (byId("personal-back").hidden) return;
  read();
  ask();
}

async function savePersonal() {
  await tried(async () => {
    const told = await post("/api/spans", {
      id: record.id,
      content: record.content,
      spans: personal.sent(),
      seconds: seconds(),
    });
    if (!told.record.asked.label) return enter(await get("/api/record"), texts.personal_saved);
    progress(told.progress);
    record = told.record;
    read();
    ask();
    say(texts.personal_saved);
  });
}

function skip() {
  return tried(async () => await enter(await post("/api/skip", { id: record.id })));
}

function undo() {
  return tried(async () => {
    const told = await post("/api/undo");
    await enter(told, told.undone ? texts.undone : texts.nothing_to_undo);
  });
}

function end({ total, annotated, reviewed, mine }) {
  const isAnnotator = desk.role === "annotator";
  const isDone = annotated === total && (isAnnotator || reviewed === total);
  byId("end-title").textContent = isDone ? texts.done : texts.wait_title;
  const text = isDone ? (isAnnotator ? texts.done_annotator : texts.done_reviewer) : isAnnotator ? texts.wait_annotator : texts.wait_reviewer;
  byId("end-text").textContent = fill(text, { total, annotated, mine });
  show("end-next", isDone);
  show("look-again", !isDone);
  turn("end");
  byId("end-title").focus();
}

function progress({ total, annotated, reviewed, mine }) {
  const done = desk.role === "annotator" ? annotated : reviewed;
  byId("bar").max = total;
  byId("bar").value = done;
  byId("told").textContent = fill(texts[`progress_${desk.role}`], { done, total, mine });
}

function say(note) {
  byId("note").textContent = note;
  show("note", note !== "");
  show("error", false);
}

/** One thing at a time; what goes wrong is told in one line and changes nothing on the page. */
async function tried(action) {
  if (busy) return;
  busy = true;
  try {
    await action();
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error.name);
    byId("error").textContent = error instanceof Refused ? error.message : texts.faulty ?? error.name;
    show("error", true);
    byId("error").scrollIntoView({ block: "nearest" });
  } finally {
    busy = false;
  }
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || byId("help").open) return;
  const tag = event.target.tagName;
  if (tag === "INPUT" || tag === "SELECT") {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "Enter" && (tag === "BUTTON" || tag === "A")) return; // the browser presses it
  const name = named(event);
  if (event.repeat && !name.startsWith("Arrow")) return;
  if (handled(name)) event.preventDefault();
}

/** The key, whatever an input method or the shift lock makes of it. */
function named({ key, code }) {
  if (key === "Process") return code.replace(/^(Key|Digit)/, "").toLowerCase();
  return { "、": "/", "？": "?" }[key] ?? (key.length === 1 ? key.toLowerCase() : key);
}

function handled(name) {
  if (name === "?") byId("help").showModal();
  else if (name === "u") undo();
  else if (mode === "end") return false;
  else if (name === "s" && mode !== "reveal") skip();
  else if (mode === "label") return whileLabelling(name);
  else if (mode === "reveal") return afterwards(name);
  else if (mode === "personal") return whileChecking(name);
  else if (name === "p") checkPersonal();
  else return false;
  return true;
}

function whileLabelling(name) {
  if (name === "0") answer(null);
  else if (name === "p" && record.types.length) checkPersonal();
  else return labels.key(name);
  return true;
}

function afterwards(name) {
  if (name === "Enter") goOn();
  else if (name === "c") change();
  else if (name === "p" && record.types.length) checkPersonal();
  else return false;
  return true;
}

function whileChecking(name) {
  if (name === "Enter") savePersonal();
  else if (name === "Escape") leavePersonal();
  else return personal.key(name);
  return true;
}

/** Seconds for which the record was on a visible page. */
function seconds() {
  const running = document.hidden ? 0 : performance.now() - clock.since;
  return Math.round(clock.spent + running) / 1000;
}

function pause() {
  if (document.hidden) clock.spent += performance.now() - clock.since;
  else clock.since = performance.now();
}
