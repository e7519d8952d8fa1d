// The label panel: a list with the labels above as headings, narrowed by a search, one of them highlighted.

import { byId, element, fill, texts } from "./texts.js";

let all = [];
let visible = [];
let at = -1;
let onGive = () => {};

/** Called once with the labels and with what takes a label that was chosen. */
export function prepare(labels, give) {
  all = labels.map((label) => ({ ...label, found: label.terms.map((term) => term.toLowerCase()) }));
  onGive = give;
  byId("search").addEventListener("input", () => narrow(byId("search").value));
  byId("search").addEventListener("keydown", whileSearching);
  byId("give").addEventListener("click", giveHighlighted);
}

/** Nothing searched, nothing highlighted: no answer is suggested by where the highlight stands. */
export function reset() {
  byId("search").value = "";
  narrow("");
  byId("labels").scrollTop = 0;
  byId("labels").focus({ preventScroll: true });
}

/** The keys of the panel outside the search; true where the key was one. */
export function key(name) {
  if (name === "ArrowDown") move(1);
  else if (name === "ArrowUp") move(-1);
  else if (name === "Home") highlight(0);
  else if (name === "End") highlight(visible.length - 1);
  else if (name === "Enter") giveHighlighted();
  else if (/^[1-9]$/.test(name)) give(visible[Number(name) - 1]);
  else if (name === "/") byId("search").focus();
  else return false;
  return true;
}

/** The name of a label as it stands in records. */
export function named(value) {
  return all.find((label) => label.value === value)?.name ?? value;
}

function whileSearching(event) {
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "ArrowDown") move(1);
  else if (event.key === "ArrowUp") move(-1);
  else if (event.key === "Enter") giveHighlighted();
  else if (event.key === "Escape") reset();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function narrow(searched) {
  const wanted = searched.trim().toLowerCase();
  visible = all.filter((label) => {
    label.hit = wanted ? hit(label, wanted) : null;
    return !wanted || label.hit !== null;
  });
  draw();
  highlight(wanted && visible.length ? best(wanted) : -1);
}

/** The term of a label that holds what was searched: "" for its own name or code, null for none. */
function hit(label, wanted) {
  if (label.code.toLowerCase().startsWith(wanted) || label.name.toLowerCase().includes(wanted)) return "";
  const place = label.found.findIndex((term) => term.includes(wanted));
  return place < 0 ? null : label.terms[place];
}

/** A label found by its own name or code comes before one found by a keyword. */
function best(wanted) {
  const exact = visible.findIndex((label) => label.code.toLowerCase() === wanted || label.name.toLowerCase() === wanted);
  return exact >= 0 ? exact : Math.max(visible.findIndex((label) => label.hit === ""), 0);
}

function draw() {
  const list = byId("labels");
  list.replaceChildren();
  let above = [];
  visible.forEach((label, place) => {
    label.above.forEach((name, depth) => {
      if (label.above.slice(0, depth + 1).join("/") !== above.slice(0, depth + 1).join("/")) {
        list.append(element("div", { class: `above depth-${Math.min(depth, 3)}`, role: "presentation" }, name));
      }
    });
    above = label.above;
    list.append(option(label, place));
  });
  if (!visible.length) list.append(element("p", { class: "hint" }, texts.none_found));
}

function option(label, place) {
  const depth = Math.min(label.above.length, 3);
  const made = element(
    "div",
    { role: "option", id: `label-${place}`, class: `label depth-${depth}`, "aria-selected": "false" },
    element("kbd", { "aria-hidden": "true" }, place < 9 ? String(place + 1) : ""),
    element("span", { class: "name" }, label.name),
    element("span", { class: "code" }, label.code),
  );
  if (label.hit) made.append(element("span", { class: "found" }, fill(texts.found_by, { term: label.hit })));
  made.addEventListener("click", () => highlight(place));
  made.addEventListener("dblclick", () => give(label));
  return made;
}

function move(step) {
  if (!visible.length) return;
  highlight(at < 0 ? (step > 0 ? 0 : visible.length - 1) : (at + step + visible.length) % visible.length);
}

function highlight(place) {
  byId(`label-${at}`)?.setAttribute("aria-selected", "false");
  at = place < visible.length ? place : -1;
  const chosen = byId(`label-${at}`);
  chosen?.setAttribute("aria-selected", "true");
  chosen?.scrollIntoView({ block: "nearest" });
  if (chosen) byId("labels").setAttribute("aria-activedescendant", chosen.id);
  else byId("labels").removeAttribute("aria-activedescendant");
  const button = byId("give");
  button.disabled = at < 0;
  button.textContent = at < 0 ? texts.choose : fill(texts.confirm_label, { label: visible[at].name });
  if (at >= 0) button.append(" ", element("kbd", {}, "Enter"));
  explain(visible[at]);
}

function explain(label) {
  const about = byId("about");
  if (!label) {
    about.replaceChildren(element("p", { class: "hint" }, texts.label_hint));
    return;
  }
  const path = [...label.above, label.name].join(" › ");
  about.replaceChildren(
    element("h3", {}, path, " ", element("span", { class: "code" }, label.code)),
    element("p", {}, label.definition ?? texts.no_definition),
  );
  for (const [title, said] of [[texts.includes, label.includes], [texts.excludes, label.excludes], [texts.examples, label.examples]]) {
    if (said.length) about.append(element("p", {}, element("b", {}, title), " ", said.map((one) => one.replace(/。$/, "")).join("；")));
  }
}

function giveHighlighted() {
  give(visible[at]);
}

function give(label) {
  if (label) onGive(label);
}
