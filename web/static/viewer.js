// The film in the middle: panes side by side that share one camera, the map over them, and what the corners say.

import { fitted, filmPoint } from "./camera.js";
import { cellValue, drawScale, mapCanvas, whereHot } from "./overlay.js";
import { filmCanvas, forgetPainted, residualImages } from "./picture.js";
import { cases, explanationOf, settings, shown } from "./store.js";
import { written } from "./window.js";
import { methodName } from "./words.js";

const stage = document.getElementById("stage");
const panes = [...stage.querySelectorAll(".pane")].map((figure) => ({
  figure,
  canvas: figure.querySelector("canvas"),
  caption: figure.querySelector("figcaption"),
}));
const SMOOTH_AFTER = 120; // milliseconds of rest until the film is drawn at its best
let frame = 0;
let restTimer = 0;
let pointer = null; // film place under the pointer

/** The first pane's size in screen pixels: all panes are alike. */
export function paneSize() {
  const { canvas } = panes[0];
  return { width: canvas.clientWidth || 1, height: canvas.clientHeight || 1 };
}

/** The camera of the case that is shown: its own, or the whole film. */
export function cameraOf(one) {
  return one.camera ?? fitted(one.film, paneSize());
}

/** Draw again with the next frame; quickly while `moving`, at its best soon after. */
export function redraw(moving = false) {
  if (!frame) frame = requestAnimationFrame(() => draw(moving));
  clearTimeout(restTimer);
  if (moving) restTimer = setTimeout(redraw, SMOOTH_AFTER);
}

/** The pointer is over this place of the film (null: over none). */
export function pointAt(place) {
  pointer = place;
  writePoint(shown());
}

/** Everything of the viewer that follows from the state. */
export function updateViewer() {
  const one = shown();
  const ready = Boolean(one?.film);
  document.getElementById("drop").hidden = cases.length > 0;
  stage.hidden = cases.length === 0;
  stage.dataset.view = settings.view;
  panes[1].figure.hidden = settings.view === "overlay";
  panes[2].figure.hidden = settings.view !== "residuals";
  stage.setAttribute("aria-label", one ? `Film ${one.number}: ${one.name}` : "Film: no film yet");
  if (ready) {
    forgetPainted(cases, one);
    prepare(one);
  }
  redraw();
}

/** The map's canvas of an explanation job, made once. */
export function mapOf(one, job) {
  if (job?.state !== "done") return null;
  job.map ??= mapCanvas(job.result.heatmap, one.film.width, one.film.height);
  return job.map;
}

function prepare(one) {
  if (one.residuals) return;
  const done = [...one.explanations.values()].find((job) => job.state === "done" && job.result.residual_png);
  if (!done) return;
  one.residuals = {};
  residualImages(done.result.residual_png).then(
    (images) => {
      one.residuals = images;
      redraw();
    },
    () => {}, // a figure that the browser cannot read: the panes go without
  );
}

function draw(moving) {
  frame = 0;
  const one = shown();
  const job = one ? explanationOf(one) : null;
  const map = one?.film ? mapOf(one, job) : null;
  const layers = contents(one, job, map);
  panes.forEach((pane, index) => {
    if (!pane.figure.hidden) drawPane(pane, one, layers[index], moving);
  });
  writeCorners(one, job, map);
}

// What each pane shows: {caption, base: what lies below, map: what lies over it, empty: said when there is nothing}.
function contents(one, job, map) {
  const film = { caption: "", base: "film", map: null };
  const over = { caption: job ? `${methodName(job.method)}, evidence for ${job.target}` : "", base: "film", map };
  if (settings.view === "overlay") return [settings.mapOn && map ? over : film];
  if (settings.view === "beside") {
    const empty = map ? "" : "no heat map yet";
    return [{ ...film, caption: "film" }, { ...over, map: settings.mapOn ? map : null, empty }];
  }
  const residual = (name) => ({
    caption: `residual of the ${name} autoencoder${mean(one, name)}`,
    base: one?.residuals?.[name] ?? null,
    map: null,
    empty: one?.residuals?.[name] ? "" : "comes with a heat map",
  });
  return [{ ...film, caption: "film" }, residual("healthy"), residual("pneumonia")];
}

function mean(one, name) {
  const value = one?.prediction?.residual?.[name];
  return value === undefined ? "" : `, mean ${value.toFixed(4)}`;
}

function drawPane(pane, one, layer, moving) {
  const { canvas } = pane;
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { alpha: false });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  pane.caption.textContent = layer.empty ? `${layer.caption}${layer.caption ? ": " : ""}${layer.empty}` : layer.caption;
  if (!one?.film) {
    canvas.setAttribute("aria-label", one ? `Film ${one.number} is not read yet` : "No film");
    return;
  }
  const { film } = one;
  const camera = cameraOf(one);
  const scale = camera.zoom * ratio;
  context.setTransform(scale, 0, 0, scale, width / 2 - camera.x * scale, height / 2 - camera.y * scale);
  context.imageSmoothingQuality = moving ? "low" : "high";
  const base = layer.base === "film" ? filmCanvas(one) : layer.base;
  if (base) context.drawImage(base, 0, 0, film.width, film.height);
  if (layer.map) {
    context.globalAlpha = settings.opacity;
    context.drawImage(layer.map, 0, 0, film.width, film.height);
    context.globalAlpha = 1;
  }
  canvas.setAttribute("aria-label", described(one, layer));
}

function described(one, layer) {
  if (layer.base !== "film") return layer.base ? layer.caption : "No residual image yet";
  const film = `Film ${one.number}, ${one.film.width} by ${one.film.height} pixels${one.inverted ? ", inverted" : ""}`;
  if (!layer.map) return film;
  return `${film}, with the heat map of ${layer.caption}; highest: ${whereHot(explanationOf(one).result.heatmap)}`;
}

function writeCorners(one, job, map) {
  const write = (id, text) => {
    document.getElementById(id).textContent = text;
  };
  write("film-name", one ? `${one.number}  ${one.name}` : "");
  write("film-window", one?.film ? `${written(one.window)}${one.inverted ? "  inverted" : ""}` : "");
  const scale = document.getElementById("film-scale");
  const residuals = settings.view === "residuals";
  scale.hidden = residuals ? !one?.residuals?.healthy : !(map && settings.mapOn);
  write("scale-top", residuals ? "high" : "1");
  writePoint(one);
}

function writePoint(one) {
  const corner = document.getElementById("film-point");
  if (!one?.film) {
    corner.textContent = "";
    return;
  }
  const zoom = `${Math.round(100 * cameraOf(one).zoom)}%`;
  const { film } = one;
  const inside = pointer && pointer.x >= 0 && pointer.y >= 0 && pointer.x < film.width && pointer.y < film.height;
  if (!inside || !film.pixels) {
    corner.textContent = zoom;
    return;
  }
  const [x, y] = [Math.floor(pointer.x), Math.floor(pointer.y)];
  const job = explanationOf(one);
  const map = job?.state === "done" ? `  map ${cellValue(job.result.heatmap, pointer.x / film.width, pointer.y / film.height).toFixed(2)}` : "";
  corner.textContent = `${zoom}  x ${x} y ${y}  ${film.pixels[y * film.width + x]}${map}`;
}

/** The film's place under a mouse event on any pane, with the pane's own size and point. */
export function placeOf(event) {
  // Not event.target: while a button is down, that is the stage.
  const canvas = document.elementFromPoint(event.clientX, event.clientY)?.closest(".pane canvas") ?? panes[0].canvas;
  const box = canvas.getBoundingClientRect();
  const point = { x: event.clientX - box.left, y: event.clientY - box.top };
  const pane = paneSize();
  const one = shown();
  return { box, point, pane, place: one?.film ? filmPoint(cameraOf(one), pane, point) : null };
}

drawScale(document.getElementById("scale-bar"));
new ResizeObserver(() => redraw()).observe(stage);
