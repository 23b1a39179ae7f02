"use strict";
// Everything that comes from a model or a user becomes text or a property, never markup.

const MOST_ROWS = 200, MOST_TEXT = 20000, MOST_BARS = 10;
const COLORS = ["#e64b35", "#4dbbd5", "#00a087", "#f3c300", "#8456b4", "#f08228", "#3c5488",
  "#dc78b4", "#91d15e", "#7e6148"];
const form = document.getElementById("inputs");
const place = document.getElementById("result");
const ask = document.getElementById("ask");
const chosen = new Map();

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const number = (value) => typeof value !== "number" ? String(value)
  : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
const percent = (value) => (100 * value).toFixed(value > 0.0995 ? 1 : 2) + " %";

function clipped(text) {
  return text.length > MOST_TEXT ? text.slice(0, MOST_TEXT) + "\n... cut here" : text;
}

// Addresses in an answer are paths of this service; anything else is not followed.
const OUTPUTS = new URL("api/output/", document.baseURI).pathname;
function own(address) {
  return typeof address === "string" && address.startsWith(OUTPUTS) ? address : "";
}

function stack(base, top, marks) {
  const size = base || top;
  const box = make("div", { class: "shown" });
  box.style.aspectRatio = `${size.columns} / ${size.rows}`;
  box.style.maxWidth = `min(100%, 640px, ${(70 * size.columns / size.rows).toFixed(1)}vh)`;
  if (base) {
    const big = base.columns > 400;
    box.append(make("img", { src: own(base.url), alt: "the input", class: big ? "smooth" : "" }));
  }
  let over = null;
  if (top) {
    over = make("img", { src: own(top.url), alt: "the output" });
    box.append(over);
  }
  if (marks) box.append(marks);
  const tools = make("div", { class: "row quiet" });
  if (size.slices > 1) tools.append(`Slice ${size.slice + 1} of ${size.slices}.`);
  if (base && over) {
    const slider = make("input", { type: "range", min: "0", max: "100", value: "75" });
    slider.setAttribute("aria-label", "How strongly the output is laid over the input");
    const follow = () => { over.style.opacity = slider.value / 100; };
    slider.addEventListener("input", follow);
    follow();
    tools.append(make("label", {}, "Overlay ", slider));
  }
  return [box, tools];
}

function sign(color, text) {
  const patch = make("i");
  patch.style.background = color;
  return make("span", { class: "key" }, patch, text);
}

function marksOf(picture, shapes) {
  const drawing = draw("svg", { viewBox: `0 0 ${picture.columns} ${picture.rows}`,
    preserveAspectRatio: "none" });
  const wide = Math.max(picture.columns, picture.rows) / 200;
  const names = new Map();
  for (const shape of shapes) {
    const name = String(shape.label);
    if (!names.has(name)) names.set(name, COLORS[names.size % COLORS.length]);
    const points = shape.points.map(([x, y]) => `${x},${picture.turned ? picture.rows - y : y}`);
    const outline = draw("polygon", { points: points.join(" "), fill: "none",
      stroke: names.get(name), "stroke-width": wide, "stroke-linejoin": "round" });
    outline.append(draw("title", {}, shape.title));
    drawing.append(outline);
  }
  const key = make("div", {}, ...[...names].slice(0, 12).map(([name, color]) => sign(color, name)));
  return [drawing, key];
}

function boxShape(box) {
  const { x0, y0, x1, y1, label } = box;
  if (![x0, y0, x1, y1].every(Number.isFinite)) return null;
  const score = Number.isFinite(box.score) ? ` ${percent(box.score)}` : "";
  return { label, title: `${label}${score}`, points: [[x0, y0], [x1, y0], [x1, y1], [x0, y1]] };
}

function contourShape(outline) {
  return { label: outline.label, title: String(outline.label), points: outline.points };
}

function bars(entries) {
  const ranked = [...entries].sort((a, b) => b.probability - a.probability);
  const row = (entry) => {
    const fill = make("b");
    fill.style.width = `${Math.max(0, Math.min(1, entry.probability)) * 100}%`;
    return make("div", { class: "bar" }, make("span", {}, String(entry.label)),
      make("i", {}, fill), make("em", {}, percent(entry.probability)));
  };
  const rest = ranked.slice(MOST_BARS);
  return [...ranked.slice(0, MOST_BARS).map(row), rest.length === 0 ? null
    : make("details", {}, make("summary", {}, `${rest.length} more`),
      ...rest.slice(0, MOST_ROWS).map(row))];
}

function table(rows, columns) {
  const head = make("tr", {}, ...columns.map((name) => make("th", { class: "number" }, name)));
  const body = rows.slice(0, MOST_ROWS).map((row) => make("tr", {},
    ...columns.map((name, index) => {
      const cell = Array.isArray(row) ? row[index] : row[name];
      return make("td", { class: typeof cell === "number" ? "number" : "" }, number(cell));
    })));
  const all = make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
  return [make("div", { class: "scroll" }, all), rows.length > MOST_ROWS
    ? make("p", { class: "quiet" }, `The first ${MOST_ROWS} of ${rows.length} rows.`) : null];
}

function chart(values) {
  const shown = values.slice(0, 400), width = 640, height = 180, margin = 8;
  const low = Math.min(0, ...shown), high = Math.max(0, ...shown), span = high - low || 1;
  const y = (value) => margin + (height - 2 * margin) * (high - value) / span;
  const step = width / Math.max(1, shown.length);
  const drawing = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img" },
    draw("title", {}, `${values.length} numbers from ${number(low)} to ${number(high)}`),
    draw("rect", { width, height, fill: "#f3f6f5", rx: 6 }));
  shown.forEach((value, index) => {
    drawing.append(draw("rect", { x: index * step + step * 0.1, width: step * 0.8,
      y: Math.min(y(value), y(0)), height: Math.max(1, Math.abs(y(value) - y(0))),
      fill: "#0f5c4d" }, draw("title", {}, `${index}: ${number(value)}`)));
  });
  drawing.append(draw("line", { x1: 0, x2: width, y1: y(0), y2: y(0), stroke: "#9bb0a9" }));
  return drawing;
}

function columnsOf(rows) {
  const first = rows[0];
  if (Array.isArray(first)) return first.map((_, index) => String(index));
  return first && typeof first === "object" ? Object.keys(first) : ["value"];
}

function json(value) {
  return make("pre", {}, clipped(JSON.stringify(value, null, 2)));
}

function listOf(value) {
  if (value.length && value.every((one) => one && typeof one === "object"
      && "probability" in one)) return bars(value);
  if (value.every((one) => Array.isArray(one))) {
    return value.slice(0, MOST_ROWS).flatMap((one, index) =>
      [make("h3", {}, `Item ${index}`), ...bars(one)]);
  }
  if (value.length === 1) return [make("p", { class: "said" }, make("b", {}, String(value[0])))];
  return table(value.map((one) => [one]), ["label"]);
}

function valueOf(output, pictures) {
  const { type, value } = output;
  const base = pictures[output.over] || Object.values(pictures)[0];
  if (output.picture) {
    const key = (output.labels || []).map((label) =>
      sign(COLORS[(label - 1) % COLORS.length], `label ${label}`));
    return [...stack(output.over ? pictures[output.over] : null, output.picture, null),
      key.length ? make("div", {}, ...key) : null];
  }
  if (type === "label_list" && Array.isArray(value)) return listOf(value);
  if (type === "boxes" && Array.isArray(value)) {
    const shapes = value.map(boxShape).filter(Boolean);
    const seen = [make("p", {}, value.length === 0 ? "Nothing was found."
      : `${value.length} found.`)];
    if (base && shapes.length) {
      const [marks, key] = marksOf(base, shapes);
      seen.push(...stack(base, null, marks), key);
    }
    const rows = value.map(({ item, ...rest }) => rest);
    if (value.length) seen.push(make("details", {}, make("summary", {}, "As a table"),
      ...table(rows, columnsOf(rows))));
    return seen;
  }
  if (type === "contour" && Array.isArray(value)) {
    const near = (outline) => !(base && base.slices > 1) || outline.points.some((point) =>
      point.length < 3 || Math.abs(point[2] - base.slice) < 1);
    const shapes = value.filter(near).map(contourShape);
    const seen = [make("p", {}, `${value.length} outline${value.length === 1 ? "" : "s"}.`)];
    if (base && shapes.length) {
      const [marks, key] = marksOf(base, shapes);
      seen.push(...stack(base, null, marks), key);
    }
    return [...seen, make("details", {}, make("summary", {}, "As points"), json(value))];
  }
  if (type === "vector" && Array.isArray(value)) {
    return [chart(value), make("details", {}, make("summary", {}, "As numbers"),
      ...table(value.map((one, index) => [index, one]), ["index", "value"]))];
  }
  if (type === "table" && Array.isArray(value) && value.length) {
    return table(value, columnsOf(value));
  }
  if (type === "text" && Array.isArray(value)) {
    return value.slice(0, MOST_ROWS).map((text) =>
      make("p", { class: "said" }, clipped(String(text))));
  }
  return value === undefined ? [make("p", { class: "quiet" }, "An array; its file is below.")]
    : [json(value)];
}

function section(name, output, pictures) {
  const facts = [output.type, output.shape.length ? output.shape.join(" × ") : "", output.dtype]
    .filter(Boolean).join(", ");
  const heading = make("div", { class: "row between" }, make("h3", {}, name),
    make("small", {}, facts));
  const link = own(output.url) ? make("p", {}, make("a", { href: own(output.url), download: "" },
    "Download the array")) : null;
  return make("div", { class: "box" }, heading, ...valueOf(output, pictures), link);
}

function show(answer) {
  const pictures = answer.pictures || {};
  const seconds = answer.seconds < 1 ? `${Math.round(1000 * answer.seconds)} ms`
    : `${answer.seconds.toFixed(2)} s`;
  const used = new Set(Object.values(answer.outputs).map((output) => output.over));
  const needsBase = Object.values(answer.outputs).some((output) =>
    ["boxes", "contour"].includes(output.type));
  const alone = Object.entries(pictures).filter(([name], index) =>
    !used.has(name) && !(needsBase && index === 0));
  place.replaceChildren(
    make("p", { class: "quiet" }, `Answered in ${seconds}.`),
    ...Object.entries(answer.outputs).map(([name, output]) => section(name, output, pictures)),
    ...alone.map(([name, picture]) => make("div", { class: "box" },
      make("div", { class: "row between" }, make("h3", {}, name), make("small", {}, "input")),
      ...stack(picture, null, null))),
    make("details", {}, make("summary", {}, "The answer in JSON"), json(answer)));
}

function fail(problem) {
  place.replaceChildren(make("div", { class: "problem", role: "alert" },
    make("b", {}, problem.title || "This did not work."), problem.detail || ""));
  for (const box of form.querySelectorAll(".box")) {
    box.classList.toggle("wrong", box.dataset.input === problem.field);
  }
}

async function send(address, options) {
  ask.disabled = true;
  ask.classList.add("busy");
  for (const box of form.querySelectorAll(".wrong")) box.classList.remove("wrong");
  try {
    const response = await fetch(address, options);
    const answer = await response.json();
    if (response.ok) show(answer);
    else fail(answer);
  } catch (error) {
    fail({ title: "The service did not answer.", detail: "Is it still running?" });
  } finally {
    ask.disabled = false;
    ask.classList.remove("busy");
    if (matchMedia("(max-width: 860px)").matches) place.scrollIntoView({ behavior: "smooth" });
  }
}

function choose(box, file) {
  chosen.set(box.dataset.input, file);
  box.querySelector(".name").textContent = `${file.name} (${Math.ceil(file.size / 1024)} KiB)`;
}

for (const box of form.querySelectorAll(".box")) {
  const picker = box.querySelector("input[type=file]");
  const drop = box.querySelector(".drop");
  picker.addEventListener("change", () => { if (picker.files[0]) choose(box, picker.files[0]); });
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) choose(box, event.dataTransfer.files[0]);
    });
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = new FormData();
  for (const box of form.querySelectorAll(".box")) {
    const name = box.dataset.input, text = box.querySelector("textarea");
    if (chosen.has(name)) body.append(name, chosen.get(name));
    else if (text && text.value) body.append(name, new Blob([text.value]), "text" + text.dataset.suffix);
  }
  send("predict?pictures=true", { method: "POST", body });
});

for (const button of document.querySelectorAll("[data-sample]")) {
  button.addEventListener("click", () =>
    send("predict_sample?pictures=true&name=" + encodeURIComponent(button.dataset.sample)));
}
