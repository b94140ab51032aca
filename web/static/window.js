// Window and level in true depth: 16-bit pixels to 8-bit shades. Pure functions, no DOM.
//
// A film's pixels are what the kit's decoder makes of its file, times 65535: 0 = its black, 65535 = its white. A window
// is {center, width} in these units. The arithmetic is DICOM's LINEAR_EXACT (PS3.3 C.11.2.1.3.2):
// y = (x - center) / width + 0.5, cut to [0, 1].

export const DEPTH = 65536;
/** What the network sees: the whole range, black to white. */
export const FULL = Object.freeze({ center: 32767.5, width: 65535 });
const NARROWEST = 2;

/** uint8 (65536): the shade of each pixel value. */
export function shades({ center, width }, inverted = false) {
  const table = new Uint8Array(DEPTH);
  for (let value = 0; value < DEPTH; value++) {
    const part = Math.min(1, Math.max(0, (value - center) / width + 0.5));
    table[value] = Math.floor(255 * (inverted ? 1 - part : part) + 0.5);
  }
  return table;
}

/** Write the grays of `pixels` (uint16) as RGBA into `target` (Uint32Array of an ImageData). */
export function paint(pixels, table, target) {
  const words = new Uint32Array(DEPTH);
  for (let value = 0; value < DEPTH; value++) words[value] = 0xff000000 | (table[value] * 0x010101);
  for (let at = 0; at < pixels.length; at++) target[at] = words[pixels[at]];
}

/**
 * The window after a drag of (dx, dy), in parts of the pane's size: right is wider, up is brighter.
 * The width changes by factors and the level by parts of the width, so that narrow windows can be set as finely as wide.
 */
export function dragged({ center, width }, dx, dy) {
  const wider = Math.min(2 * DEPTH, Math.max(NARROWEST, width * Math.exp(3 * dx)));
  const moved = center + dy * width;
  return { center: Math.min(DEPTH - 1, Math.max(0, moved)), width: wider };
}

/** The window from the 1st to the 99th percentile: without black borders and burnt-in letters. */
export function automatic(pixels) {
  const counts = new Uint32Array(DEPTH);
  const step = Math.max(1, Math.floor(pixels.length / 500000));
  let total = 0;
  for (let at = 0; at < pixels.length; at += step, total++) counts[pixels[at]]++;
  const low = percentile(counts, 0.01 * total);
  const high = percentile(counts, 0.99 * total);
  return high - low < NARROWEST ? FULL : { center: (low + high) / 2, width: high - low };
}

function percentile(counts, wanted) {
  let seen = 0;
  for (let value = 0; value < DEPTH; value++) {
    seen += counts[value];
    if (seen > wanted) return value;
  }
  return DEPTH - 1;
}

/** "W 65535 L 32768" as viewers write it. */
export function written({ center, width }) {
  return `W ${Math.round(width)} L ${Math.round(center)}`;
}
