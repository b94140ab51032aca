// Where a film lies in its pane. A camera is {x, y, zoom}: the film's place (in film pixels) at the pane's centre, and
// screen pixels per film pixel. All panes of a film share one camera: that keeps them in step. Pure functions.

const FARTHEST = 0.5; // of the fitted size
const NEAREST = 32; // screen pixels per film pixel

/** The camera that shows the whole film in a pane of width x height. */
export function fitted(film, pane) {
  return { x: film.width / 2, y: film.height / 2, zoom: Math.min(pane.width / film.width, pane.height / film.height) };
}

/** One film pixel on one pixel of the screen. */
export function actual(camera, ratio) {
  return { ...camera, zoom: 1 / ratio };
}

/** The film's place under a point of the pane. */
export function filmPoint(camera, pane, point) {
  return {
    x: camera.x + (point.x - pane.width / 2) / camera.zoom,
    y: camera.y + (point.y - pane.height / 2) / camera.zoom,
  };
}

/** Moved with the pointer by (dx, dy) screen pixels; the film's middle part stays in sight. */
export function panned(camera, film, dx, dy) {
  return within({ ...camera, x: camera.x - dx / camera.zoom, y: camera.y - dy / camera.zoom }, film);
}

/** Nearer by `factor`, while the place under `point` stays where it is. */
export function zoomed(camera, film, pane, point, factor) {
  const least = FARTHEST * fitted(film, pane).zoom;
  const zoom = Math.min(NEAREST, Math.max(least, camera.zoom * factor));
  const place = filmPoint(camera, pane, point);
  return within(
    { zoom, x: place.x - (point.x - pane.width / 2) / zoom, y: place.y - (point.y - pane.height / 2) / zoom },
    film,
  );
}

function within(camera, film) {
  const cut = (value, most) => Math.min(most, Math.max(0, value));
  return { zoom: camera.zoom, x: cut(camera.x, film.width), y: cut(camera.y, film.height) };
}
