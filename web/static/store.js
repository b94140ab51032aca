// What the page holds: the cases of this session, which one is shown, and the reader's settings.
//
// A case: {id, number, file, name, size, phase, error, film, window, inverted, camera, prediction, target,
//          explanations: Map "method|target" -> explanation job, residuals, verdict, picked}
// phase: "waiting" | "reading" | "read" | "asking" | "answered" | "refused".

import { FULL } from "./window.js";
import { oneLine } from "./words.js";

const PIXEL_BUDGET = 400e6; // bytes of decoded films that are kept; older ones are asked for again when shown

export const cases = [];
export const settings = {
  view: "overlay",
  mapOn: true,
  opacity: 0.65,
  tool: matchMedia("(pointer: coarse)").matches ? "pan" : "window",
  method: null, // null: the server's first
  auto: true,
  singleKeys: true,
  theme: "dark",
  ...remembered(),
};
/** What /api/about said last. */
export const served = { about: null };

const listeners = [];
let selected = null;
let numbers = 0;
let queued = false;

/** Call `listener` after every change, once for changes that come together. */
export function subscribe(listener) {
  listeners.push(listener);
}

/** Say that something here has changed. */
export function changed() {
  if (queued) return;
  queued = true;
  queueMicrotask(() => {
    queued = false;
    for (const listener of listeners) listener();
  });
}

/** The case that is shown, or null. */
export function shown() {
  return selected;
}

/** Show a case. */
export function show(one) {
  if (selected === one) return;
  selected = one;
  if (one) one.seen = performance.now();
  changed();
}

/** A new case for a dropped file; the first is shown at once. */
export function addCase(file) {
  const one = {
    id: `case-${++numbers}`,
    number: numbers,
    file,
    name: oneLine(file.name, 300) || "unnamed", // no letter in it may turn the others around
    size: file.size,
    phase: "waiting",
    error: "",
    film: null,
    window: FULL,
    inverted: false,
    camera: null,
    prediction: null,
    model: "",
    target: null,
    explanations: new Map(),
    residuals: null,
    verdict: null,
    picked: false,
    removed: false,
    abort: new AbortController(),
    seen: 0,
  };
  cases.push(one);
  if (!selected) show(one);
  changed();
  return one;
}

/** Take a case off the list and end what is under way for it. */
export function removeCase(one, order = cases) {
  const place = order.indexOf(one);
  one.removed = true;
  one.abort.abort();
  for (const job of one.explanations.values()) job.abort?.abort();
  cases.splice(cases.indexOf(one), 1);
  if (selected === one) {
    const rest = order.filter((each) => each !== one);
    selected = null;
    show(rest[Math.min(place, rest.length - 1)] ?? null);
  }
  changed();
}

/** Drop the pixels of films not looked at for longest, where all together are too many. */
export function trimPixels() {
  const holders = cases.filter((one) => one.film?.pixels).sort((a, b) => b.seen - a.seen);
  let held = 0;
  for (const one of holders) {
    held += one.film.pixels.byteLength;
    if (held > PIXEL_BUDGET && one !== selected) one.film.pixels = null;
  }
}

/** The digest of the classifier that the server had when it was last asked; "" where it does not say. */
export function servedModel() {
  return served.about?.sha256?.["cin.pt"] ?? "";
}

/** The classes in the model's order. */
export function classNames() {
  return served.about?.class_names ?? Object.keys(cases.find((one) => one.prediction)?.prediction.probabilities ?? {});
}

/** The names of the explanation methods, the server's default first. */
export function methodNames() {
  return Object.keys(served.about?.methods ?? {});
}

/** The method and class whose map is wanted for a case; null while there is no prediction or no method. */
export function wanted(one) {
  if (!one?.prediction) return null;
  const names = methodNames();
  const method = names.includes(settings.method) ? settings.method : names[0];
  return method ? { method, target: one.target ?? one.prediction.label } : null;
}

/** The explanation job that is wanted for a case, done or not; null where none was begun. */
export function explanationOf(one) {
  const key = wanted(one);
  return key ? (one.explanations.get(`${key.method}|${key.target}`) ?? null) : null;
}

/** Keep the settings that a reader would not want to set again; only in this browser. */
export function remember() {
  const { theme, singleKeys, auto, opacity } = settings;
  try {
    localStorage.setItem("coronet", JSON.stringify({ theme, singleKeys, auto, opacity }));
  } catch {
    // A browser that stores nothing asks again: no harm.
  }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem("coronet")) ?? {};
  } catch {
    return {};
  }
}
