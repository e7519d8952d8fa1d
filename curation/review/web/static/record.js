// The record's texts as they are read: personal data as chips, or the original with its marks.

import { byId, element, fill, texts } from "./texts.js";

const MOST = 20000;

/** The texts with chips in the place of personal data. */
export function showMasked(fields) {
  byId("texts").replaceChildren(...fields.map(({ field, parts }) => section(field, masked(parts))));
}

/** The original texts; `draw` fills each field's element. */
export function showOriginal(fields, draw) {
  byId("texts").replaceChildren(
    ...fields.map(({ field, text }) => {
      const body = element("div", { class: "text original", "data-field": field });
      draw(body, field, text);
      return section(field, body);
    }),
  );
}

function section(field, body) {
  return element("section", { class: `field ${field}` }, element("h2", {}, texts.fields[field]), body);
}

function masked(parts) {
  const body = element("div", { class: "text" });
  let length = 0;
  for (const [place, part] of parts.entries()) {
    const text = part.text ?? "";
    if (length + text.length > MOST) {
      const cut = whole(text, MOST - length);
      body.append(text.slice(0, cut), rest([{ text: text.slice(cut) }, ...parts.slice(place + 1)]));
      break;
    }
    length += text.length;
    body.append(node(part));
  }
  return body;
}

function node(part) {
  return part.chip ? element("span", { class: "chip" }, `[${part.chip}]`) : part.text;
}

/** A button for what is too long to be laid out unasked. */
function rest(parts) {
  const length = parts.reduce((sum, part) => sum + (part.text ?? "").length, 0);
  const button = element("button", { class: "rest" }, fill(texts.show_rest, { n: length.toLocaleString() }));
  button.addEventListener("click", () => button.replaceWith(...parts.map(node)));
  return button;
}

/** The place itself, or the one before it where it would cut a pair of units. */
function whole(text, place) {
  return /[\uD800-\uDBFF]/.test(text.charAt(place - 1)) ? place - 1 : place;
}
