// Mouse, touch and wheel on the film, and the tool buttons: each changes the window or the camera of the case shown.

import { actual, panned, zoomed } from "./camera.js";
import { changed, settings, shown } from "./store.js";
import { cameraOf, paneSize, placeOf, pointAt, redraw } from "./viewer.js";
import { dragged, FULL } from "./window.js";

const ZOOM_STEP = 1.25;
const PAN_STEP = 40; // screen pixels
const WINDOW_STEP = 0.02; // of the pane's size

const stage = document.getElementById("stage");
const fingers = new Map(); // pointer id -> last event

/** Listen to the stage. */
export function listenToStage() {
  stage.addEventListener("pointerdown", begin);
  stage.addEventListener("pointermove", move);
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(name, end);
  stage.addEventListener("pointerleave", () => pointAt(null));
  stage.addEventListener("wheel", wheel, { passive: false });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("dblclick", fit);
}

function begin(event) {
  if (!shown()?.film || !event.target.closest("canvas")) return;
  fingers.set(event.pointerId, event);
  stage.setPointerCapture(event.pointerId);
  if (event.button === 1) event.preventDefault(); // no automatic scrolling
}

function end(event) {
  if (fingers.delete(event.pointerId) && !fingers.size) changed();
}

function move(event) {
  const one = shown();
  if (!one?.film) return;
  pointAt(event.pointerType === "touch" ? null : placeOf(event).place);
  const before = fingers.get(event.pointerId);
  if (!before) return;
  const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
  const others = [...fingers.entries()].filter(([id]) => id !== event.pointerId);
  fingers.set(event.pointerId, event);
  if (others.length) pinch(one, before, event, others[0][1]);
  else drag(one, event, dx, dy);
  redraw(true);
}

function drag(one, event, dx, dy) {
  const tool = event.buttons & 4 || event.shiftKey ? "pan" : event.buttons & 2 ? "zoom" : settings.tool;
  const pane = paneSize();
  if (tool === "pan") one.camera = panned(cameraOf(one), one.film, dx, dy);
  else if (tool === "zoom") one.camera = zoomed(cameraOf(one), one.film, pane, middle(pane), Math.exp(-dy / 150));
  else one.window = dragged(one.window, dx / pane.width, dy / pane.height);
}

// Two fingers: the distance zooms, the middle moves.
function pinch(one, before, now, other) {
  const between = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  const { box } = placeOf(now);
  const centre = (a) => ({ x: (a.clientX + other.clientX) / 2 - box.left, y: (a.clientY + other.clientY) / 2 - box.top });
  const [was, is] = [centre(before), centre(now)];
  const moved = panned(cameraOf(one), one.film, is.x - was.x, is.y - was.y);
  one.camera = zoomed(moved, one.film, paneSize(), is, between(now, other) / Math.max(1, between(before, other)));
}

function wheel(event) {
  const one = shown();
  if (!one?.film) return;
  event.preventDefault();
  const { point, pane } = placeOf(event);
  const lines = event.deltaMode === 1 ? 16 : 1;
  one.camera = zoomed(cameraOf(one), one.film, pane, point, Math.exp((-event.deltaY * lines) / 500));
  redraw(true);
}

function middle(pane) {
  return { x: pane.width / 2, y: pane.height / 2 };
}

// Each of these does its work on the case shown, if it has a film.
function onFilm(change) {
  return () => {
    const one = shown();
    if (!one?.film) return;
    change(one);
    changed();
  };
}

/** The whole film. */
export const fit = onFilm((one) => {
  one.camera = null;
});
/** One film pixel on one pixel of the screen. */
export const actualSize = onFilm((one) => {
  one.camera = actual(cameraOf(one), window.devicePixelRatio || 1);
});
/** White for black. */
export const invert = onFilm((one) => {
  one.inverted = !one.inverted;
});
/** The window of the film's own pixels. */
export const autoWindow = onFilm((one) => {
  one.window = one.automatic ?? FULL;
});
/** As the network sees it: full window, not inverted, the whole film. */
export const reset = onFilm((one) => {
  Object.assign(one, { window: FULL, inverted: false, camera: null });
});
/** Nearer or farther, about the middle. */
export const zoomIn = onFilm((one) => zoomBy(one, ZOOM_STEP));
export const zoomOut = onFilm((one) => zoomBy(one, 1 / ZOOM_STEP));

function zoomBy(one, factor) {
  const pane = paneSize();
  one.camera = zoomed(cameraOf(one), one.film, pane, middle(pane), factor);
}

/** Arrow keys on the film: (x, y) is the direction; with Shift the window, else the film moves. */
export function arrow(x, y, shift) {
  onFilm((one) => {
    if (shift) one.window = dragged(one.window, x * WINDOW_STEP, y * WINDOW_STEP);
    else one.camera = panned(cameraOf(one), one.film, -x * PAN_STEP, -y * PAN_STEP);
  })();
}

