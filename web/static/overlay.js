// A heat map as a picture over the film: the same colours, clearness and interpolation as the kit's own overlay.

// Matplotlib's "plasma" at eleven even steps, as in outputs/colour_map.py.
const ANCHORS = "0d0887 41049d 6a00a8 8f0da4 b12a90 cc4778 e16462 f2844b fca636 fcce25 f0f921";
const FAINT = 0.1; // the map is invisible below,
const STRONG = 0.55; // and as opaque as the slider says from here
const LONGEST = 512;

/** uint8 [256][3]: the colour of each value from 0 to 1. */
export const PALETTE = (() => {
  const anchors = ANCHORS.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, index) => {
    const place = (index / 255) * (anchors.length - 1);
    const left = Math.min(anchors.length - 2, Math.floor(place));
    return anchors[left].map((value, channel) => Math.round(value + (anchors[left + 1][channel] - value) * (place - left)));
  });
})();

/** How opaque the map is at a value, before the slider: 0 to 1. */
export function clearness(value) {
  const ramp = Math.min(1, Math.max(0, (value - FAINT) / (STRONG - FAINT)));
  return ramp * ramp * (3 - 2 * ramp);
}

/** Grow rows of numbers to width x height: bicubic on pixel centres, cut to [0, 1]. float32, row by row. */
export function enlarge(rows, width, height) {
  const across = taps(rows[0].length, width);
  const down = taps(rows.length, height);
  const wide = rows.map((row) => across.map((tap) => tap.reduce((sum, [at, weight]) => sum + row[at] * weight, 0)));
  const grown = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (const [at, weight] of down[y]) sum += wide[at][x] * weight;
      grown[y * width + x] = Math.min(1, Math.max(0, sum));
    }
  }
  return grown;
}

// For each wanted place, [index, weight] of the cells it is mixed from; weights add up to 1 at the borders too.
function taps(cells, wanted) {
  return Array.from({ length: wanted }, (_, place) => {
    const centre = ((place + 0.5) * cells) / wanted - 0.5;
    const found = [];
    for (let at = Math.ceil(centre - 2); at <= Math.floor(centre + 2); at++) {
      if (at >= 0 && at < cells) found.push([at, cubic(at - centre)]);
    }
    const sum = found.reduce((total, [, weight]) => total + weight, 0);
    return found.map(([at, weight]) => [at, weight / sum]);
  });
}

function cubic(distance) {
  const x = Math.abs(distance);
  if (x >= 2) return 0;
  return x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((-0.5 * x + 2.5) * x - 4) * x + 2;
}

/** A canvas of the map in colour, to be drawn over the whole film of `width` x `height`; longest side 512. */
export function mapCanvas(rows, width, height) {
  const scale = LONGEST / Math.max(width, height);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const values = enlarge(rows, canvas.width, canvas.height);
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height);
  for (let at = 0; at < values.length; at++) {
    picture.data.set(PALETTE[Math.round(255 * values[at])], 4 * at);
    picture.data[4 * at + 3] = Math.round(255 * clearness(values[at]));
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** The map's value under a place of the film, both in parts (0 to 1) of its sides: that of the cell, not smoothed. */
export function cellValue(rows, x, y) {
  const row = rows[Math.min(rows.length - 1, Math.floor(y * rows.length))];
  return row[Math.min(row.length - 1, Math.floor(x * row.length))];
}

/** Where the map's highest cell is, in words, and how much is strong: "lower left of the picture, 12% of it strong". */
export function whereHot(rows) {
  const cells = rows.flat();
  const highest = Math.max(...cells);
  if (highest < STRONG) return "no region stands out";
  const place = cells.indexOf(highest);
  const width = rows[0].length;
  const third = (at, size, names) => names[Math.floor((3 * (at + 0.5)) / size)];
  const vertical = third(Math.floor(place / width), rows.length, ["upper", "middle", "lower"]);
  const horizontal = third(place % width, width, ["left", "centre", "right"]);
  const where = vertical === "middle" && horizontal === "centre" ? "centre" : `${vertical} ${horizontal}`;
  const strong = cells.filter((value) => value >= STRONG).length;
  return `${where} of the picture, ${Math.max(1, Math.round((100 * strong) / cells.length))}% of it strong`;
}

/** Draw the colours from 0 (below) to 1 (above) into a canvas of 1 x 256. */
export function drawScale(canvas) {
  const context = canvas.getContext("2d");
  const picture = context.createImageData(1, 256);
  for (let y = 0; y < 256; y++) picture.data.set([...PALETTE[255 - y], 255], 4 * y);
  context.putImageData(picture, 0, 0);
}
