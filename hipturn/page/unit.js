// A phone as a unit: it sends its motion, shows what the computer says, and can be let go.
// docs/phones.md describes the messages; the computer checks, fuses, counts and records.

import { learn, saidBy, word } from "./words.js";

const BATCH_MS = 50;         // how often rows are sent
const POST_MS = 100;         // the same without a socket, one request at a time
const SOCKET_MS = 3000;      // a browser that has not opened one by then refuses it
const QUIET_MS = 4000;       // the computer pings every second: a socket this quiet is dead
const AGAIN_MS = 500;        // before the next try to connect
const ATTITUDE_MS = 100;     // how often the orientation is told, for the sign of gravity
const ATTITUDE_OLD_MS = 3000;  // browsers tell changes only: a phone at rest keeps its last one
const MAX_ROWS = 64;         // of a batch
const KEPT_ROWS = 1920;      // half a minute without a network; older ones are lost
const BUFFERED = 65536;      // bytes that may wait in the socket
const NO_MOTION_MS = 3000;   // without an event by then the phone refuses
const LET_GO = 4003, TOO_FAST = 4029;
const RAD = Math.PI / 180;

const $ = name => document.getElementById(name);
const label = decodeURIComponent(location.hash.slice(1));
const rows = [];
let socket = null, posting = false, over = false, number = 0;
let said = "", heardAt = 0, begunAt = 0, events = 0, blind = 0;
let attitude = null, attitudeAt = 0, toldAt = 0;

const isStreaming = () => said.startsWith("streaming");

function show(text, state = "asked", told = text) {
  said = told; // as the computer said it
  $("say").textContent = text;
  document.body.dataset.state = isStreaming() ? "streaming" : state;
}

function phoneId() {
  let id = localStorage.getItem("hipturn-unit");
  if (!/^[0-9a-f]{16}$/.test(id ?? "")) {
    id = [...crypto.getRandomValues(new Uint8Array(8))].map(b => b.toString(16).padStart(2, "0")).join("");
    localStorage.setItem("hipturn-unit", id);
  }
  return id;
}

const hello = () => ({ hello: 1, place: label, id: phoneId(), origin: performance.timeOrigin, source: "devicemotion" });

// ---- what is measured

function onMotion(event) {
  events += 1;
  const a = event.accelerationIncludingGravity, r = event.rotationRate;
  if (!a || a.x === null || !r || r.alpha === null) {
    blind += 1;
    if (blind === 30) tell({ trouble: "no_rotation" });
    return;
  }
  rows.push([event.timeStamp, a.x, a.y, a.z, r.alpha * RAD, r.beta * RAD, r.gamma * RAD]);
  if (rows.length > KEPT_ROWS) rows.shift();
}

function onOrientation(event) {
  if (event.beta === null || event.gamma === null) return;
  attitude = [event.beta, event.gamma];
  attitudeAt = performance.now();
}

function tellAttitude() {
  const now = performance.now();
  if (!attitude || isStreaming() || now - attitudeAt > ATTITUDE_OLD_MS) return;
  if (now - toldAt < ATTITUDE_MS) return;
  toldAt = now;
  tell({ attitude });
}

function batch() {
  const part = rows.splice(0, MAX_ROWS);
  const view = new DataView(new ArrayBuffer(16 + 32 * part.length));
  view.setUint8(0, 1);
  view.setUint8(1, part.length);
  view.setUint16(2, number++ & 0xffff, true);
  view.setFloat64(8, performance.now(), true);
  part.forEach((row, i) => {
    view.setFloat64(16 + 32 * i, row[0], true);
    row.slice(1).forEach((value, k) => view.setFloat32(24 + 32 * i + 4 * k, value, true));
  });
  return view.buffer;
}

// ---- how it is sent

function tell(message) {
  if (over) return;
  if (posting) post(JSON.stringify(message), "application/json");
  else if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function connect() {
  if (over || posting) return;
  const opened = socket = new WebSocket(`wss://${location.host}/unit/ws`);
  heardAt = performance.now();
  socket.onopen = () => {
    begunAt = Infinity;  // it has been open: from now on it is tried again
    tell(hello());
    tellBattery();
    if (document.hidden) tell({ hidden: true });
  };
  socket.onmessage = event => {
    heardAt = performance.now();
    hear(JSON.parse(event.data));
  };
  socket.onclose = event => {
    if (opened !== socket || over) return;
    if (event.code === LET_GO) return end(word("phone.gone"));
    if (event.code === TOO_FAST) return end(word("phone.too_fast"));
    if (performance.now() - begunAt > SOCKET_MS) return startPosting();
    setTimeout(connect, AGAIN_MS);
  };
}

function hear(message) {
  if (message.ping) tell({ pong: message.ping, now: performance.now() });
  if (message.say !== undefined && message.say !== said) show(saidBy({ ...message, text: message.say }), "asked", message.say);
  if (message.stop) end(word("phone.done"));
  if (message.close) end(word("phone.gone"));
}

function sendRows() {
  if (over || posting || socket?.readyState !== WebSocket.OPEN) {
    if (!over && !posting && performance.now() - begunAt > SOCKET_MS) startPosting();
    return;
  }
  if (performance.now() - heardAt > QUIET_MS) return socket.close();
  for (let i = 0; i < 2 && rows.length && socket.bufferedAmount < BUFFERED; i++) socket.send(batch());
  tellAttitude();
}

function startPosting() {  // this browser has sensors and requests, and no socket
  if (posting || over) return;
  posting = true;
  socket?.close();
  post(JSON.stringify(hello()), "application/json").then(postRows);
}

let waiting = Promise.resolve();

function post(body, type) {  // one at a time, in order
  waiting = waiting.then(async () => {
    const answer = await fetch(`/unit/batch?phone=${phoneId()}`, { method: "POST", body, headers: { "Content-Type": type } });
    if (!over && answer.ok) hear(await answer.json());
  }).catch(() => show(word("phone.no_answer")));
  return waiting;
}

async function postRows() {
  while (!over) {
    if (rows.length) await post(batch(), "application/octet-stream");
    tellAttitude();
    await new Promise(done => setTimeout(done, POST_MS));
  }
}

// ---- the page itself

function tellBattery() {
  navigator.getBattery?.().then(charge => {
    tell({ battery: Math.round(charge.level * 100) });
    charge.onlevelchange = () => tell({ battery: Math.round(charge.level * 100) });
  }).catch(() => {});
}

function stayAwake() {
  if (!over && !document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
}

function end(text) {
  over = true;
  removeEventListener("devicemotion", onMotion);
  removeEventListener("deviceorientation", onOrientation);
  socket?.close();
  $("let-go").hidden = true;
  show(text, "over");
}

async function begin() {  // in the tap, and before anything else is waited for: iOS asks only then
  const asked = [globalThis.DeviceMotionEvent, globalThis.DeviceOrientationEvent]
    .filter(kind => kind?.requestPermission).map(kind => kind.requestPermission());
  $("be").hidden = true;
  $("let-go").hidden = false;
  show(word("phone.connecting"));
  const answers = await Promise.all(asked).catch(() => ["denied"]);
  stayAwake();
  begunAt = performance.now();
  connect();
  setInterval(sendRows, BATCH_MS);
  const refused = () => tell({ trouble: "refused" });
  if (answers.some(answer => answer !== "granted")) {
    show(word("phone.refuses"));
    return setTimeout(refused, NO_MOTION_MS);
  }
  addEventListener("devicemotion", onMotion);
  addEventListener("deviceorientation", onOrientation);
  setTimeout(() => { if (!events && !document.hidden) refused(); }, NO_MOTION_MS);
}

document.addEventListener("visibilitychange", () => {
  tell({ hidden: document.hidden });
  stayAwake();
});
$("let-go").onclick = () => {
  tell({ let_go: true });
  setTimeout(() => { if (!over) end(word("phone.gone")); }, AGAIN_MS);
};
$("be").onclick = begin;
history.replaceState(null, "", `/unit${location.hash}`);  // the token is in the cookie now
await learn(`/unit/words?${new URLSearchParams({ lang: new URLSearchParams(location.search).get("lang") ?? "" })}`);
$("be").textContent = label ? word("phone.is_the", { unit: label }) : word("phone.is_a");
const canMove = isSecureContext && globalThis.DeviceMotionEvent;
$("be").hidden = !canMove;
show(word(canMove ? "phone.what" : "phone.no_motion"), canMove ? "ready" : "asked");
