// The work list: one row a film, in the order chosen; rows are made once and brought up to date in place.

import { element, fill, id } from "./dom.js";
import { filmCanvas } from "./picture.js";
import { step } from "./jobs.js";
import { say } from "./say.js";
import { cases, changed, removeCase, show, shown } from "./store.js";
import { sendOff } from "./verdict.js";
import { probability, verdictOfModel } from "./words.js";

const THUMB = 44;
const SORTS = {
  added: (a, b) => a.number - b.number,
  newest: (a, b) => b.number - a.number,
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
  label: (a, b) => Boolean(b.prediction) - Boolean(a.prediction) || answerOf(a).localeCompare(answerOf(b)),
  unsure: (a, b) => certainty(a) - certainty(b),
  open: (a, b) => Boolean(a.verdict) - Boolean(b.verdict),
};
const rows = new Map(); // case -> its elements

/** Connect the list's controls. */
export function listenToList() {
  id("sort").addEventListener("change", changed);
  id("pick-all").addEventListener("click", () => {
    const all = !cases.every((one) => one.picked);
    for (const one of cases) one.picked = all;
    changed();
  });
  id("clear").addEventListener("click", () => {
    const count = cases.length === 1 ? "the film" : `all ${cases.length} films`;
    if (!confirm(`Remove ${count} from this page?`)) return;
    for (const one of [...cases]) letGo(one);
    say("All films removed");
    id("add").focus();
  });
  id("rows").addEventListener("keydown", keys);
}

// What the row says: not a class that the model did not name.
function answerOf(one) {
  return one.prediction ? verdictOfModel(one.prediction).text : "";
}

function certainty(one) {
  if (!one.prediction) return 2;
  const kind = verdictOfModel(one.prediction).kind;
  return (kind === "answer" ? 1 : 0) + Math.max(...Object.values(one.prediction.probabilities)) / 2;
}

/** The cases in the order of the list. */
export function ordered() {
  const by = SORTS[id("sort").value] ?? SORTS.added;
  return [...cases].sort((a, b) => by(a, b) || a.number - b.number);
}

/** Everything of the list that follows from the state. */
export function updateList() {
  const list = id("rows");
  const order = ordered();
  for (const [one, row] of rows) {
    if (cases.includes(one)) continue;
    row.item.remove();
    rows.delete(one);
  }
  order.forEach((one, place) => {
    const row = rows.get(one) ?? makeRow(one);
    if (list.children[place] !== row.item) list.insertBefore(row.item, list.children[place] ?? null);
    updateRow(one, row);
  });
  const picked = cases.filter((one) => one.picked).length;
  id("list-count").textContent = cases.length ? String(cases.length) : "";
  id("pick-all").disabled = id("clear").disabled = !cases.length;
  id("pick-all").setAttribute("aria-pressed", String(cases.length > 0 && picked === cases.length));
  id("report-open").disabled = !cases.some((one) => one.prediction);
  id("report-open").textContent = picked ? `Report of ${picked}` : "Report";
}

function makeRow(one) {
  const item = document.createElement("li");
  item.className = "row";
  const pick = Object.assign(document.createElement("input"), { type: "checkbox", className: "pick" });
  pick.addEventListener("change", () => {
    one.picked = pick.checked;
    changed();
  });
  const open = Object.assign(document.createElement("button"), { type: "button", className: "open" });
  open.addEventListener("click", () => show(one));
  const thumb = Object.assign(document.createElement("canvas"), { width: 2 * THUMB, height: 2 * THUMB, className: "thumb" });
  thumb.setAttribute("aria-hidden", "true");
  const name = element("span", "", "name");
  const state = element("span", "", "state");
  open.append(thumb, name, state);
  const mark = element("span", "", "mark");
  const remove = Object.assign(document.createElement("button"), { type: "button", className: "remove", textContent: "×" });
  remove.addEventListener("click", () => takeOff(one));
  item.append(pick, open, mark, remove);
  const row = { item, pick, open, thumb, name, state, mark, remove };
  rows.set(one, row);
  return row;
}

function updateRow(one, row) {
  const current = one === shown();
  row.item.dataset.phase = one.phase;
  row.item.dataset.current = current;
  row.open.setAttribute("aria-current", String(current));
  // One stop of the Tab key for the list; arrow keys go from row to row.
  for (const part of [row.open, row.pick, row.remove]) part.tabIndex = current ? 0 : -1;
  row.name.textContent = `${one.number}  ${one.name}`;
  row.name.title = one.name;
  const { text, kind, more = "" } = stateOf(one);
  fill(row.state, `${text} ${more}`, () => [document.createTextNode(text), element("span", more)]);
  row.state.dataset.kind = kind;
  row.pick.checked = one.picked;
  row.pick.setAttribute("aria-label", `Film ${one.number} into the report`);
  row.remove.setAttribute("aria-label", `Remove film ${one.number}, ${one.name}`);
  const verdict = one.verdict?.verdict;
  row.mark.dataset.kind = verdict ?? "";
  fill(row.mark, verdict ?? "", () => (verdict ? [element("span", { accept: "accepted", reject: "rejected", amend: "amended" }[verdict])] : []));
  if (one.film?.pixels && !row.drawn) {
    row.drawn = true;
    drawThumb(one, row.thumb);
  }
}

function stateOf(one) {
  if (one.phase === "refused") return { text: one.error, kind: "refused" };
  if (one.phase === "waiting") return { text: "waits", kind: "quiet" };
  if (one.phase === "reading") return { text: "is being read", kind: "quiet" };
  if (one.phase === "read") return { text: "waits for the model", kind: "quiet" };
  if (one.phase === "asking") return { text: "the model is asked", kind: "quiet" };
  const put = verdictOfModel(one.prediction);
  const explaining = [...one.explanations.values()].some((job) => job.state === "running") ? ", explaining" : "";
  if (put.kind === "answer") {
    return { text: `${put.text}  ${probability(one.prediction.probabilities[put.text])}`, kind: "answer", more: explaining };
  }
  return { text: put.kind === "several" ? `${put.text}?` : "I do not know", kind: "unsure", more: explaining };
}

function drawThumb(one, canvas) {
  const film = filmCanvas(one);
  if (!film) return;
  const side = Math.min(film.width, film.height);
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(film, (film.width - side) / 2, (film.height - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
}

function keys(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by && event.target.classList.contains("open")) {
    event.preventDefault();
    step(ordered(), by);
    queueMicrotask(focusCurrent);
  } else if (event.key === "Delete") {
    event.preventDefault();
    takeOff(shown());
  }
}

/** Take a case off the list, and keep the keyboard where it was. */
export function takeOff(one) {
  if (!one) return;
  const inList = id("rows").contains(document.activeElement);
  letGo(one);
  say(`Film ${one.number} removed`);
  if (inList) queueMicrotask(focusCurrent);
}

// As when the page is closed: a verdict that was given is sent.
function letGo(one) {
  sendOff(one);
  removeCase(one, ordered());
}

/** The keyboard to the row of the case that is shown. */
export function focusCurrent() {
  (rows.get(shown())?.open ?? id("add")).focus();
}
