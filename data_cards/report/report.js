"use strict";
(() => {
  const WORDS = {
    zh: { from: "来源", file: "文件", sheet: "工作表", row: "行", page: "页", parent: "派生自", stages: "经过的步骤",
      found: "个人信息", fate: "去向", kept: "保留", dropped: "剔除", expanded: "已派生为其他记录", reason: "原因",
      duplicate_of: "重复于", variant_of: "是其变体", score: "相似度或得分", split: "子集", covers: "代表的重复记录",
      none: "本页没有这个编号。请执行：govtune explain RUN 编号", action: { replace: "替换", keep: "保留" } },
    en: { from: "from", file: "file", sheet: "sheet", row: "row", page: "page", parent: "made from", stages: "stages",
      found: "personal data", fate: "fate", kept: "kept", dropped: "dropped", expanded: "expanded into others",
      reason: "reason", duplicate_of: "duplicate of", variant_of: "variant of", score: "score", split: "split",
      covers: "stands for", none: "This page does not hold that id. Run: govtune explain RUN ID",
      action: { replace: "replaced", keep: "kept" } },
  };
  const SHOWN = 20;
  const switches = document.querySelectorAll(".switch button");

  const show = (lang) => {
    for (const main of document.querySelectorAll("main")) main.hidden = main.id !== lang;
    const main = document.getElementById(lang);
    document.documentElement.lang = main.lang;
    document.title = main.dataset.title;
    for (const button of switches) button.setAttribute("aria-pressed", String(button.dataset.lang === lang));
  };
  for (const button of switches) button.addEventListener("click", () => show(button.dataset.lang));
  document.querySelector(".switch").hidden = false;

  const open = [];
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("details:not([open])")) { each.open = true; open.push(each); }
  });
  addEventListener("afterprint", () => { while (open.length) open.pop().open = false; });

  const held = document.getElementById("lives");
  if (!held) return;
  const data = JSON.parse(held.textContent);
  const lives = new Map(data.lives.map((life) => [life[0], life]));

  const told = (life, lang) => {
    const say = WORDS[lang];
    const name = (group, code) => (data.names[lang][group] || {})[code] || code;
    const text = (place) => data.texts[place || 0];
    const [id, file, sheet, row, page, , , , , ref, score, , found, parent] = life;
    const [fate, stage, reason, relation, split, maker] = [5, 6, 7, 8, 11, 14].map((at) => text(life[at]));
    const lines = [];
    const place = [];
    if (file) place.push(`${say.file} ${text(file)}`);
    if (sheet) place.push(`${say.sheet} ${text(sheet)}`);
    if (row) place.push(`${say.row} ${row}`);
    if (page) place.push(`${say.page} ${page}`);
    lines.push(["id", id]);
    if (place.length) lines.push([say.from, place.join(", ")]);
    if (parent) lines.push([say.parent, maker ? `${parent} (${name("stage", maker)})` : parent]);
    const last = fate === "kept" ? data.stages.length : data.stages.indexOf(stage) + 1;
    const passed = data.stages.slice(maker ? data.stages.indexOf(maker) + 1 : 0, last);
    lines.push([say.stages, passed.map((each) => name("stage", each)).join(" → ")]);
    for (const [type, count, action] of found || []) {
      lines.push([say.found, `${name("type", text(type))} × ${count}, ${say.action[text(action)] || text(action)}`]);
    }
    lines.push([say.fate, say[fate] + (fate === "kept" ? "" : `: ${name("stage", stage)}`)]);
    if (reason) lines.push([say.reason, name("reason", reason)]);
    if (relation) lines.push([say[relation], ref]);
    if (score) lines.push([say.score, String(score)]);
    if (split) lines.push([say.split, name("split", split)]);
    const covered = data.lives.filter((other) => other[9] === id && text(other[8]) === "duplicate_of").map((other) => other[0]);
    if (covered.length) {
      const more = covered.length > SHOWN ? ` … (${covered.length})` : "";
      lines.push([say.covers, covered.slice(0, SHOWN).join(", ") + more]);
    }
    return lines;
  };

  for (const form of document.querySelectorAll(".lookup")) {
    form.hidden = false;
    const lang = form.dataset.lang;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const life = lives.get(form.querySelector("input").value.trim());
      const shown = document.getElementById(`life-${lang}`);
      const list = document.createElement(life ? "dl" : "p");
      if (!life) list.textContent = WORDS[lang].none;
      for (const [term, value] of life ? told(life, lang) : []) {
        list.append(Object.assign(document.createElement("dt"), { textContent: term }));
        list.append(Object.assign(document.createElement("dd"), { textContent: value }));
      }
      shown.replaceChildren(list);
    });
  }
})();
