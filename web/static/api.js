// The page's requests. Every failure is one of two: Away (wait, then ask again) or Refused (an answer, in one line).

import { oneLine } from "./words.js";

const LONGEST = 15 * 60 * 1000; // milliseconds: no request of this page may take longer

/** Nobody answers, or the model's server is away or full. `reachable`: the page's own server did answer. */
export class Away extends Error {
  constructor(message, reachable, waitSeconds = 0) {
    super(message);
    this.reachable = reachable;
    this.waitSeconds = waitSeconds;
  }
}

/** The server's one line on this request alone; asking again would not help. */
export class Refused extends Error {}

/** What the server is and serves. */
export async function about(signal) {
  return send("/api/about", { signal }, (response) => response.json());
}

/** A film as the kit's decoder reads it: {width, height, facts, pixels}. */
export async function film(bytes, name, signal) {
  const response = await send("/api/film", post(bytes, name, signal), async (found) => ({
    width: Number(found.headers.get("X-Film-Width")),
    height: Number(found.headers.get("X-Film-Height")),
    facts: JSON.parse(decodeURIComponent(found.headers.get("X-Film-Facts") || "%7B%7D")),
    pixels: new Uint16Array(await found.arrayBuffer()),
  }));
  if (!(response.width > 0) || response.pixels.length !== response.width * response.height) {
    throw new Refused("The server sent a picture of another size than it said.");
  }
  return response;
}

/** The prediction's JSON. */
export async function predict(bytes, name, signal) {
  const found = await send("/api/predict", post(bytes, name, signal), (response) => response.json());
  return understood(found, Number.isFinite(found?.probabilities?.[found.label]));
}

/** The explanation's JSON. Aborting `signal` ends it on the server too. */
export async function explain(bytes, name, method, target, signal) {
  const asked = new URLSearchParams({ method, target });
  const found = await send(`/api/explain?${asked}`, post(bytes, name, signal), (response) => response.json());
  return understood(found, found?.heatmap?.[0]?.length > 0 && typeof found.sign === "string");
}

/** Hand over one verdict; it is finished even if the page is closed meanwhile. */
export async function verdict(fields) {
  return send("/api/verdicts", { ...json(fields), keepalive: true }, () => null);
}

/** The report as a Blob. */
export async function report(format, fields, signal) {
  return send(`/api/report?format=${format}`, { ...json(fields), signal }, (response) => response.blob());
}

function understood(answer, whole) {
  if (!whole) throw new Refused("The server sent something that is no answer; is it a CoroNet server?");
  return answer;
}

function post(bytes, name, signal) {
  const headers = { "Content-Type": "application/octet-stream", "X-File-Name": encodeURIComponent(name) };
  return { method: "POST", body: bytes, headers, signal };
}

function json(fields) {
  return { method: "POST", body: JSON.stringify(fields), headers: { "Content-Type": "application/json" } };
}

async function send(path, options, read) {
  const limit = AbortSignal.timeout(LONGEST);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  try {
    const response = await fetch(path, { ...options, signal });
    if (response.ok) return await read(response);
    throw await failure(response);
  } catch (error) {
    if (error instanceof Away || error instanceof Refused || options.signal?.aborted) throw error;
    if (error instanceof SyntaxError) throw new Refused("The server sent something that is no answer; is a proxy in between?");
    throw new Away("The server does not answer.", false);
  }
}

async function failure(response) {
  const text = await response.text();
  let line = "";
  try {
    line = JSON.parse(text).error ?? "";
  } catch {
    // A proxy's own page: its status has to do.
  }
  const stranger = !line && response.status >= 500; // not our server's words: it is ending, or a proxy speaks for it
  line = oneLine(line || `The server answered ${response.status} ${response.statusText}`);
  if (response.status === 502 || response.status === 503 || stranger) {
    return new Away(line, true, Number(response.headers.get("Retry-After")) || 0);
  }
  return new Refused(line);
}
