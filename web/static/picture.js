// Pictures made of what the server sent: films as canvases, PNGs out of base64, the two residual images. No requests.

import { paint, shades } from "./window.js";

const painted = new WeakMap(); // case -> {canvas, key}

/** The film of a case as a canvas of its own size, windowed as the case says; painted anew only when that changed. */
export function filmCanvas(one) {
  const { film } = one;
  const key = `${one.window.center} ${one.window.width} ${one.inverted}`;
  let found = painted.get(one);
  if (found?.key === key && found.pixels === film.pixels) return found.canvas;
  if (!film.pixels) return found?.canvas ?? null;
  if (!found) {
    const canvas = document.createElement("canvas");
    canvas.width = film.width;
    canvas.height = film.height;
    const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    found = { canvas, context, picture: context.createImageData(film.width, film.height) };
    painted.set(one, found);
  }
  paint(film.pixels, shades(one.window, one.inverted), new Uint32Array(found.picture.data.buffer));
  found.context.putImageData(found.picture, 0, 0);
  found.key = key;
  found.pixels = film.pixels;
  return found.canvas;
}

/** Forget the painted canvases of all cases but one: each holds as much memory as eight bytes a pixel. */
export function forgetPainted(cases, kept) {
  for (const one of cases) if (one !== kept) painted.delete(one);
}

/** A PNG in base64 -> ImageBitmap. */
export function decodePng(base64) {
  const text = atob(base64);
  const data = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return createImageBitmap(new Blob([data], { type: "image/png" }));
}

/** A canvas as base64 of a PNG. */
export function encodePng(canvas) {
  return canvas.toDataURL("image/png").split(",")[1];
}

/**
 * Both residual images out of the server's figure (outputs/residual_png.py): two squares of `side` on a margin of
 * side / 16, which makes the figure 35/16 of a side wide.
 * @returns {Promise<{healthy: ImageBitmap, pneumonia: ImageBitmap}>}
 */
export async function residualImages(base64) {
  const figure = await decodePng(base64);
  const side = Math.round((figure.width * 16) / 35);
  const line = Math.floor(side / 16);
  const cut = (column) => createImageBitmap(figure, line + column * (side + line), 2 * line, side, side);
  return { healthy: await cut(0), pneumonia: await cut(1) };
}

/** A picture of `draw(context, width, height)` with the film's shape, longest side at most `longest`. */
export function drawnAs(film, longest, draw) {
  const scale = Math.min(1, longest / Math.max(film.width, film.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(film.width * scale));
  canvas.height = Math.max(1, Math.round(film.height * scale));
  const context = canvas.getContext("2d", { alpha: false });
  context.imageSmoothingQuality = "high";
  draw(context, canvas.width, canvas.height);
  return canvas;
}
