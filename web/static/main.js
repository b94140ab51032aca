// Puts the parts together: who listens, who is brought up to date after a change, which key does what.

import { updateAnswer } from "./answer.js";
import { ask, watchConnection } from "./connection.js";
import { id } from "./dom.js";
import { choose, listenForFiles } from "./drop.js";
import * as film from "./gestures.js";
import { step, work } from "./jobs.js";
import { listenToKeys, openHelp } from "./keyboard.js";
import * as map from "./map.js";
import { listenToReport, openReport } from "./report.js";
import { changed, remember, served, servedModel, settings, shown, subscribe } from "./store.js";
import { leaveAmending, listenToVerdict, press, undo, updateVerdict } from "./verdict.js";
import { updateViewer } from "./viewer.js";
import { listenToList, ordered, takeOff, updateList } from "./worklist.js";

const onStage = () => document.activeElement === id("stage");

const STEPS = { previous: -1, next: 1 }; // the buttons that small screens have, and where they go

const KEYS = [
  { group: "Films", keys: ["o"], what: "add films", run: choose },
  { group: "Films", keys: ["j"], what: "next film", run: () => step(ordered(), 1) },
  { group: "Films", keys: ["k"], what: "film before", run: () => step(ordered(), -1) },
  { group: "Films", keys: ["b"], what: "pick for the report", run: pick },
  { group: "Films", keys: ["p"], what: "report", run: openReport },
  { group: "Films", keys: ["Delete"], what: "remove the film", run: () => takeOff(shown()) },
  { group: "Film", keys: ["i"], what: "invert", run: film.invert },
  { group: "Film", keys: ["w"], what: "automatic window", run: film.autoWindow },
  { group: "Film", keys: ["f"], what: "fit", run: film.fit },
  { group: "Film", keys: ["z"], what: "one to one", run: film.actualSize },
  { group: "Film", keys: ["r"], what: "reset", run: film.reset },
  { group: "Film", keys: ["+", "="], what: "nearer", run: film.zoomIn },
  { group: "Film", keys: ["-"], what: "farther", run: film.zoomOut },
  {
    group: "Film",
    keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"],
    what: "move; with Shift: window and level (when the film has the focus)",
    where: onStage,
    run: arrow,
  },
  { group: "Heat map", keys: ["h"], what: "show or hide", run: map.toggleMap },
  { group: "Heat map", keys: [","], what: "less opaque", run: () => map.setOpacity(settings.opacity - 0.05) },
  { group: "Heat map", keys: ["."], what: "more opaque", run: () => map.setOpacity(settings.opacity + 0.05) },
  { group: "Heat map", keys: ["m"], what: "next method", run: () => map.nextMethod(1) },
  { group: "Heat map", keys: ["M"], what: "method before", run: () => map.nextMethod(-1) },
  { group: "Heat map", keys: ["c"], what: "evidence for the next class", run: () => map.nextTarget(1) },
  { group: "Heat map", keys: ["C"], what: "for the class before", run: () => map.nextTarget(-1) },
  { group: "Heat map", keys: ["e"], what: "explain", run: map.explainNow },
  { group: "Heat map", keys: ["Escape"], what: "cancel the explanation", run: () => leaveAmending() || map.cancelNow() },
  { group: "View", keys: ["1"], what: "overlay", run: () => map.setView("overlay") },
  { group: "View", keys: ["2"], what: "side by side", run: () => map.setView("beside") },
  { group: "View", keys: ["3"], what: "residuals of both autoencoders", run: () => map.setView("residuals") },
  { group: "View", keys: ["t"], what: "dark or light", run: toggleTheme },
  { group: "View", keys: ["?"], what: "this help", run: openHelp },
  { group: "Verdict", keys: ["a"], what: "accept", run: () => press("accept") },
  { group: "Verdict", keys: ["x"], what: "reject", run: () => press("reject") },
  { group: "Verdict", keys: ["n"], what: "amend", run: () => press("amend") },
  { group: "Verdict", keys: ["u"], what: "undo, until it is sent", run: undo },
];

function arrow(event) {
  const x = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
  const y = { ArrowUp: -1, ArrowDown: 1 }[event.key] ?? 0;
  film.arrow(x, y, event.shiftKey);
}

function pick() {
  if (shown()) shown().picked = !shown().picked;
  changed();
}

function toggleTheme() {
  settings.theme = settings.theme === "dark" ? "light" : "dark";
  remember();
  changed();
}

function updatePage() {
  const root = document.documentElement;
  if (root.dataset.theme !== settings.theme) root.dataset.theme = settings.theme;
  id("theme").setAttribute("aria-pressed", String(settings.theme === "light"));
  for (const input of document.querySelectorAll("[name=tool]")) input.checked = input.value === settings.tool;
  for (const input of document.querySelectorAll("[name=view]")) input.checked = input.value === settings.view;
  id("invert").setAttribute("aria-pressed", String(Boolean(shown()?.inverted)));
  for (const button of document.querySelectorAll(".tools button")) button.disabled = !shown()?.film;
  for (const [name, by] of Object.entries(STEPS)) id(name).disabled = shown() === ordered().at(by < 0 ? 0 : -1);
  const { model, model_version: version } = served.about ?? {};
  const digest = servedModel().slice(0, 8);
  id("model").textContent = model ? `${model} ${version ?? ""}${digest && `, ${digest}`}` : "";
}

function listenToTools() {
  id("theme").addEventListener("click", toggleTheme);
  id("tool").addEventListener("change", (event) => {
    settings.tool = event.target.value;
    changed();
  });
  id("view").addEventListener("change", (event) => map.setView(event.target.value));
  const buttons = { invert: film.invert, "auto-window": film.autoWindow, fit: film.fit, actual: film.actualSize, reset: film.reset };
  for (const [name, by] of Object.entries(STEPS)) id(name).addEventListener("click", () => step(ordered(), by));
  for (const [name, run] of Object.entries(buttons)) id(name).addEventListener("click", run);
  id("single-keys").addEventListener("change", (event) => {
    settings.singleKeys = event.target.checked;
    remember();
  });
}

listenForFiles();
film.listenToStage();
map.listenToMap();
listenToList();
listenToVerdict();
listenToReport();
listenToTools();
listenToKeys(KEYS);
for (const update of [updatePage, updateList, updateViewer, updateAnswer, map.updateMap, updateVerdict, watchConnection(), work]) {
  subscribe(update);
}
changed();
ask();
