// The panel of the heat map: method, class, opacity, progress and cancel, and what the figures of a map mean.

import { element, fill, id } from "./dom.js";
import { askExplanation, cancelExplanation, progressText, usualSeconds } from "./jobs.js";
import { whereHot } from "./overlay.js";
import { say } from "./say.js";
import { changed, classNames, explanationOf, methodNames, remember, served, settings, shown, wanted } from "./store.js";
import { methodName, probability, seconds } from "./words.js";

const TICK = 200; // milliseconds between two looks at the clock

/** Connect the panel's controls. */
export function listenToMap() {
  id("method").addEventListener("change", (event) => {
    settings.method = event.target.value;
    changed();
  });
  id("targets").addEventListener("change", (event) => choose(event.target.value));
  id("map-on").addEventListener("change", toggleMap);
  id("opacity").addEventListener("input", (event) => setOpacity(event.target.value / 100));
  id("explain").addEventListener("click", explainNow);
  id("cancel").addEventListener("click", cancelNow);
  id("auto").addEventListener("change", (event) => {
    settings.auto = event.target.checked;
    remember();
    changed();
  });
  setInterval(tick, TICK);
}

/** Everything of the panel that follows from the state. */
export function updateMap() {
  const one = shown();
  const key = wanted(one);
  const job = explanationOf(one);
  updateMethods(key);
  updateTargets(one, key);
  id("map-on").checked = settings.mapOn;
  id("opacity").value = Math.round(100 * settings.opacity);
  id("opacity-text").textContent = `${Math.round(100 * settings.opacity)}%`;
  id("auto").checked = settings.auto;
  const busy = ["waiting", "running"].includes(job?.state);
  id("progress").hidden = !busy;
  id("explain").hidden = !key || busy || job?.state === "done";
  id("explain-line").textContent = stateText(one, key, job);
  updateScores(one, job);
  tick();
}

function updateMethods(key) {
  const select = id("method");
  const names = methodNames();
  fill(select, names.join(), () => names.map((name) => Object.assign(element("option", methodName(name)), { value: name })));
  select.disabled = !names.length;
  const current = key?.method ?? settings.method ?? names[0];
  if (current) select.value = current;
  id("method-summary").textContent = served.about?.methods?.[current]?.summary ?? "";
}

function updateTargets(one, key) {
  const names = classNames();
  const box = id("targets");
  if (box.dataset.key !== names.join()) {
    box.dataset.key = names.join();
    const labels = names.map((name) => {
      const label = document.createElement("label");
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "target", value: name });
      label.append(input, element("span", name));
      return label;
    });
    box.replaceChildren(box.querySelector("legend"), ...labels);
  }
  for (const input of box.querySelectorAll("input")) {
    input.checked = input.value === key?.target;
    input.disabled = !key;
  }
  box.dataset.predicted = one?.prediction?.label ?? "";
}

function stateText(one, key, job) {
  if (!one?.prediction) return "";
  if (!key) return "The server has not said which methods it has.";
  if (job?.state === "done") return `1 means: ${job.result.sign.replace(/^1 = /, "")}. Highest: ${whereHot(job.result.heatmap)}.`;
  if (job?.state === "failed") return job.error;
  if (job?.state === "cancelled") return job.took ? `Cancelled after ${seconds(job.took)}.` : "Cancelled before it began.";
  return "";
}

function updateScores(one, job) {
  const facts = [];
  if (job?.state === "done") {
    const { target_probability: of, faithfulness: score } = job.result;
    if (of) facts.push([`Probability of ${job.target}`, probability(of.original)], ["after the method's change", probability(of.perturbed)]);
    if (score) facts.push(["Deletion, low is good", score.deletion.toFixed(3)], ["Insertion, high is good", score.insertion.toFixed(3)]);
    facts.push(["Took", seconds(job.took)]);
  }
  id("scores").hidden = !facts.length;
  fill(id("scores"), JSON.stringify(facts), () => facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

// The clock of the explanation in progress; not read aloud, or a screen reader would never be silent.
function tick() {
  const job = explanationOf(shown());
  if (!["waiting", "running"].includes(job?.state)) return;
  const bar = id("progress-bar");
  const usual = usualSeconds(job.method);
  const elapsed = job.begun ? (performance.now() - job.begun) / 1000 : 0;
  if (job.begun && usual && elapsed < usual) {
    bar.max = usual;
    bar.value = elapsed;
  } else bar.removeAttribute("value");
  id("progress-text").textContent = progressText(job);
}

/** Explain the film that is shown, by the method and for the class chosen. */
export function explainNow() {
  if (shown()) askExplanation(shown());
}

/** Cancel the explanation that the panel shows; true if there was one. */
export function cancelNow() {
  const job = explanationOf(shown());
  const busy = ["waiting", "running"].includes(job?.state);
  if (busy) {
    cancelExplanation(job);
    id("explain").hidden = false;
    id("explain").focus();
  }
  return busy;
}

/** Show or hide the map. */
export function toggleMap() {
  settings.mapOn = !settings.mapOn;
  say(settings.mapOn ? "Heat map shown" : "Heat map hidden");
  changed();
}

/** The map's opacity, 0 to 1. */
export function setOpacity(value) {
  settings.opacity = Math.min(1, Math.max(0, value));
  remember();
  changed();
}

/** The next method (+1) or the one before (-1). */
export function nextMethod(by) {
  const names = methodNames();
  const now = wanted(shown())?.method ?? settings.method ?? names[0];
  if (!names.length) return;
  settings.method = names[(names.indexOf(now) + by + names.length) % names.length];
  say(`Method: ${methodName(settings.method)}`);
  changed();
}

/** Evidence for the next class (+1) or the one before (-1). */
export function nextTarget(by) {
  const names = classNames();
  const key = wanted(shown());
  if (!key) return;
  choose(names[(names.indexOf(key.target) + by + names.length) % names.length]);
  say(`Evidence for ${shown().target}`);
}

function choose(target) {
  const one = shown();
  if (one) one.target = target;
  changed();
}

/** Show the film by "overlay", "beside" or "residuals". */
export function setView(view) {
  settings.view = view;
  changed();
}
