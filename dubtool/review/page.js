"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const total = data.times.length;
const canvases = [at("before"), at("after")];
const line = at("line");
const film = document.createElement("video");
film.playsInline = true;
film.preload = "auto";
let frame = 0;
let played = false; // whether it has played since the last seek, which may end at the end, too
let wanted = null; // the frame to be sought once the one that is being sought is there

for (const canvas of canvases) { canvas.width = data.width; canvas.height = data.height; }

// Each kind of mark has a row of the timeline, a colour, and frames at which "next mark" stops.
const kinds = [
  { name: "left alone", color: "#c0392b", spans: data.passed, stops: data.passed.map((one) => one[0]) },
  { name: "another of the person's own pictures", color: "#8e5bd0", spans: data.switches.map((n) => [n, n + 1, ""]), stops: [] },
  { name: "the light changes", color: "#d69e00", spans: data.light.map((n) => [n, n + 1, ""]), stops: data.light },
  { name: "a new shot", color: "#2878c8", spans: data.shots.slice(1).map((n) => [n, n + 1, ""]), stops: data.shots.slice(1) },
];
const marks = [...new Set(kinds.flatMap((kind) => kind.stops))].sort((a, b) => a - b);

function clock(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  const rest = Math.floor((seconds - whole) * 1000 + 0.5);
  const two = (n) => String(n).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}.${String(Math.min(rest, 999)).padStart(3, "0")}`;
}

function frameAt(seconds) {
  let low = 0, high = total - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (data.times[middle] <= seconds + 1e-3) low = middle; else high = middle - 1;
  }
  return low;
}

function shotOf(number) {
  let shot = 0;
  while (shot + 1 < data.shots.length && data.shots[shot + 1] <= number) shot++;
  return shot;
}

function drawPictures() {
  if (film.readyState < 2) return;
  const zoom = Number(at("zoom").value);
  const w = data.width / zoom, h = data.height / zoom;
  // A zoomed picture shows its middle, a little below: where mouths are.
  const x = (data.width - w) / 2, y = (data.height - h) * 0.55;
  canvases.forEach((canvas, side) => {
    canvas.getContext("2d").drawImage(film, side * data.width + x, y, w, h, 0, 0, data.width, data.height);
  });
}

function drawLine() {
  const box = line.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  line.width = Math.max(1, Math.round(box.width * ratio));
  line.height = Math.max(1, Math.round(box.height * ratio));
  const pen = line.getContext("2d");
  pen.scale(ratio, ratio);
  const across = (number) => number / total * box.width;
  const row = 12;
  kinds.forEach((kind, number) => {
    pen.fillStyle = "#8882";
    pen.fillRect(0, 2 + number * row, box.width, row - 2);
    pen.fillStyle = kind.color;
    for (const [first, end] of kind.spans) {
      pen.fillRect(across(first), 2 + number * row, Math.max(across(end) - across(first), 1.5), row - 2);
    }
  });
  // Below them how far the mouth is asked to be open, and how loud it is.
  const top = 4 + kinds.length * row, height = box.height - top - 2;
  const curve = (values, low, high, color) => {
    pen.strokeStyle = color;
    pen.lineWidth = 1.5;
    pen.beginPath();
    let on = false;
    values.forEach((value, number) => {
      if (value === null) { on = false; return; }
      const y = top + height * (1 - Math.min(Math.max((value - low) / (high - low), 0), 1));
      if (on) pen.lineTo(across(number + 0.5), y); else pen.moveTo(across(number + 0.5), y);
      on = true;
    });
    pen.stroke();
  };
  if (data.loudness) curve(data.loudness, -60, 0, "#8888");
  const most = Math.max(0.1, ...data.asked.filter((one) => one !== null).concat((data.rendered || []).filter((one) => one !== null)).slice(0, 100000));
  curve(data.asked, 0, most, "#005ab5");
  if (data.rendered) curve(data.rendered, 0, most, "#dc5a00");
  const x = across(frame + 0.5);
  pen.fillStyle = getComputedStyle(document.body).color;
  pen.fillRect(x - 1, 0, 2, box.height);
}

function tell() {
  const shot = shotOf(frame);
  at("where").textContent = `frame ${frame} of ${total}, ${clock(data.times[frame])}, shot ${shot + 1} of ${data.shots.length}`;
  line.setAttribute("aria-valuemin", "0");
  line.setAttribute("aria-valuemax", String(total - 1));
  line.setAttribute("aria-valuenow", String(frame));
  const found = [];
  for (const kind of kinds) {
    for (const [first, end, why] of kind.spans) {
      if (first <= frame && frame < end) found.push(why ? `${kind.name}: ${why}` : kind.name);
    }
  }
  at("what").textContent = found.join("; ");
  document.querySelectorAll("#shots tbody tr").forEach((tr, number) => tr.classList.toggle("here", number === shot));
  drawLine();
}

function seek(number) {
  frame = Math.min(Math.max(number, 0), total - 1);
  film.pause();
  played = false;
  tell();
  if (film.seeking) { wanted = frame; return; }
  // The middle of the frame: no rounding leads to its neighbour.
  film.currentTime = data.times[frame] + data.durations[frame] / 2;
}

function markAfter(step) {
  const there = step > 0 ? marks.find((n) => n > frame) : marks.filter((n) => n < frame).pop();
  if (there !== undefined) seek(there);
}

function toggle() {
  if (film.paused) {
    if (frame === total - 1) film.currentTime = 0;
    film.play().catch((error) => { at("problem").textContent = `The film does not play: ${error.message}`; });
  } else film.pause();
}

film.addEventListener("seeked", () => {
  drawPictures();
  if (wanted !== null) { const number = wanted; wanted = null; if (number === frame) seek(number); }
});
film.addEventListener("loadeddata", () => { document.body.dataset.ready = "1"; seek(frame); });
film.addEventListener("error", () => { at("problem").textContent = "This browser cannot play the film of the page (H.264)."; });
// A slow machine leaves out frames as it plays, the last one among them.
film.addEventListener("ended", () => { if (played) seek(total - 1); });
film.addEventListener("play", () => { played = true; at("play").textContent = "Stop"; });
film.addEventListener("pause", () => { at("play").textContent = "Play"; });
// A browser tells when it shows another frame, which after a seek is later than the end of seeking.
function showing(now, told) {
  const shown = frameAt(told ? told.mediaTime : film.currentTime);
  const changes = !film.paused && !film.seeking;
  if (changes) frame = shown;
  drawPictures();
  document.body.dataset.drawn = String(shown);
  if (changes) tell();
  again();
}
function again() {
  if (film.requestVideoFrameCallback) film.requestVideoFrameCallback(showing); else requestAnimationFrame(() => showing());
}

// What is said of shots, kept by the browser under the dub's name.
const place = `dubtool review ${data.film} ${data.made}`;
let said = {};
try { said = JSON.parse(localStorage.getItem(place)) || {}; } catch (error) { said = {}; }
function say(shot, name, value) {
  said[shot] = Object.assign({}, said[shot], { [name]: value });
  try { localStorage.setItem(place, JSON.stringify(said)); } catch (error) { /* private windows keep nothing */ }
}

function shotEnd(shot) {
  if (shot + 1 < data.shots.length) return data.times[data.shots[shot + 1]];
  return data.times[total - 1] + data.durations[total - 1];
}

data.shots.forEach((first, shot) => {
  const tr = document.createElement("tr");
  const cell = () => tr.appendChild(document.createElement("td"));
  const go = document.createElement("button");
  go.textContent = String(shot + 1);
  go.addEventListener("click", () => seek(first));
  cell().append(go);
  cell().textContent = clock(data.times[first]);
  cell().textContent = clock(shotEnd(shot));
  const field = (name, type, hint) => {
    const input = document.createElement("input");
    input.type = type;
    input.setAttribute("aria-label", `${name} of shot ${shot + 1}`);
    input.dataset.name = name;
    if (type === "checkbox") input.checked = Boolean((said[shot] || {})[name]);
    else { input.value = (said[shot] || {})[name] || ""; input.placeholder = hint; }
    if (type === "number") { input.min = "0"; input.max = "2"; input.step = "0.05"; }
    input.addEventListener("input", () => say(shot, name, type === "checkbox" ? input.checked : input.value));
    cell().append(input);
  };
  field("skip", "checkbox");
  field("face", "text", data.face);
  field("expression", "number", String(data.expression));
  field("note", "text", "");
  at("shots").tBodies[0].append(tr);
});

function quoted(value) {
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv(rows) {
  return "\ufeff" + rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";
}

// Each row of a cast is the part of the one speech that is heard in its shot; a shot that is skipped keeps its sound.
function castRows() {
  const rows = data.shots.map((first, shot) => {
    const own = said[shot] || {};
    const from = clock(data.times[first]);
    return [own.skip ? "nobody" : own.face || data.face, data.speech, from, clock(shotEnd(shot)), from];
  });
  return [["face", "speech", "from", "to", "offset"], ...rows];
}

function noteRows() {
  const rows = data.shots.map((first, shot) => {
    const own = said[shot] || {};
    return [shot + 1, own.face || data.face, data.speech, clock(data.times[first]), clock(shotEnd(shot)),
      own.skip ? "yes" : "", own.expression || "", own.note || ""];
  });
  return [["shot", "face", "speech", "from", "to", "skip", "expression", "note"], ...rows];
}

function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// A dub of several speeches has its cast already: that table is the one to be changed.
at("save-cast").hidden = !data.speech;
at("save-cast").addEventListener("click", () => save(`${data.stem}.cast.csv`, csv(castRows())));
at("save-notes").addEventListener("click", () => save(`${data.stem}.notes.csv`, csv(noteRows())));
at("play").addEventListener("click", toggle);
at("back").addEventListener("click", () => seek(frame - 1));
at("on").addEventListener("click", () => seek(frame + 1));
at("next").addEventListener("click", () => markAfter(1));
at("previous").addEventListener("click", () => markAfter(-1));
at("zoom").addEventListener("change", drawPictures);

const keys = {
  " ": () => toggle(),
  ArrowLeft: (event) => seek(frame - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => seek(frame + (event.shiftKey ? 10 : 1)),
  Home: () => seek(0),
  End: () => seek(total - 1),
  n: () => markAfter(1),
  p: () => markAfter(-1),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  // A button that has the focus is pressed by the space bar itself.
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  const action = keys[event.key];
  if (action) { event.preventDefault(); action(event); }
});

function scrub(event) {
  const box = line.getBoundingClientRect();
  seek(Math.floor((event.clientX - box.left) / box.width * total));
}
line.addEventListener("pointerdown", (event) => { line.setPointerCapture(event.pointerId); scrub(event); });
line.addEventListener("pointermove", (event) => { if (event.buttons & 1) scrub(event); });
window.addEventListener("resize", drawLine);

for (const kind of kinds) {
  const item = document.createElement("li");
  const box = document.createElement("i");
  box.style.background = kind.color;
  item.append(box, `${kind.name} (${kind.spans.length})`);
  at("legend").append(item);
}
for (const [name, color, shown] of [["asked opening", "#005ab5", true], ["rendered opening", "#dc5a00", data.rendered], ["loudness", "#888", data.loudness]]) {
  if (!shown) continue;
  const item = document.createElement("li");
  const box = document.createElement("i");
  box.style.background = color;
  item.append(box, name);
  at("legend").append(item);
}

const inside = at("film");
if (inside.dataset.beside) film.src = inside.dataset.beside;
else {
  const bytes = Uint8Array.from(atob(inside.textContent), (letter) => letter.charCodeAt(0));
  inside.textContent = "";
  film.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
}
again();
tell();
