// The socket: the newest read-out, what happened, and how old each is by this page's own clock.

import { says, word } from "./words.js";

const VERSION = 2;
const SECURE = location.protocol === "https:";
const RETRY_MS = [150, 300, 600, 1000];
const QUIET_MS = 1200;
const OPEN_MS = 3000; // an encrypted socket that a browser allows is open long before
const CREEP = 0.00005; // clocks of two computers run apart by 50 ppm at most

export class Link {
  constructor(on) {
    this.on = on;
    this.hello = null;        // what the server is
    this.stage = null;        // how things stand, whole
    this.frame = null;        // the newest read-out
    this.frameAge = () => this.frame ? this.age(this.frame) : Infinity;
    this.units = null;
    this.count = null;        // what each leg has done of its set
    this.open = false;
    this.heard = -Infinity;
    this.refusal = "";
    this.offset = Infinity;   // page clock minus server clock, of the fastest message
    this.offsetAt = 0;
    this.tries = 0;
    this.connect();
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !this.open) this.retryNow(); });
    window.addEventListener("online", () => this.retryNow());
  }

  connect() {
    const socket = new WebSocket(`${SECURE ? "wss" : "ws"}://${location.host}/ws`);
    this.socket = socket;
    this.begun ??= performance.now();
    socket.onmessage = (message) => this.take(JSON.parse(message.data));
    socket.onclose = (gone) => {
      if (this.socket !== socket) return;
      this.open = false;
      this.refusal = gone.code === 4008 || gone.code === 4029 ? gone.reason : "";
      this.on.link?.(false);
      this.ask();
      const wait = this.refusal ? 5000 : RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)];
      this.timer = setTimeout(() => this.connect(), wait);
    };
  }

  /** Find out whether hipturn answers, but not to us: it was started again with another link. */
  async ask() {
    const answer = await fetch("/page/base.css").catch(() => null);
    this.shut = answer?.status === 403;
    this.answers = answer?.ok ?? false;
  }

  retryNow() {
    if (this.open || this.socket.readyState === WebSocket.CONNECTING) return;
    clearTimeout(this.timer);
    this.connect();
  }

  take(message) {
    const now = performance.now();
    if (message.type === "hello") {
      this.offset = Infinity;  // another run of the server has another clock
      this.open = true;
      this.begun = null;
      this.tries = 0;
      this.frame = null;
      this.units = null;
    }
    this.heard = now;
    const offset = now - message.at;
    const crept = this.offset + CREEP * (now - this.offsetAt);
    if (offset < crept || !Number.isFinite(crept)) { this.offset = offset; this.offsetAt = now; }
    if (message.type === "frame") {
      this.frame = message;
      this.on.frame?.(message);
    } else if (message.type === "units") {
      this.units = message.units;
      this.unitsAt = message.at;
      this.on.units?.(message.units);
    } else if (message.type === "count") {
      this.count = message;
      this.on.count?.(message);
    } else if (message.type === "hello") {
      const again = this.hello !== null;
      this.hello = message;
      this.on.link?.(true);
      this.on.hello?.(message, { again, same: message.version === VERSION });
    } else if (message.type === "stage") {
      const before = this.stage?.stage;
      this.stage = message;
      this.on.stage?.(message, before);
    } else {
      this.on[message.type]?.(message, this.age(message));
    }
  }

  /** Seconds since the server said this. */
  age(message) {
    return Math.max(0, (performance.now() - this.offset - message.at) / 1000);
  }

  /** When something of the server's clock is on this page's clock, ms. */
  local(at) {
    return at + this.offset;
  }

  /** Why nothing fresh is on the screen: `short` words, and a `text` that says what to do; else null. */
  cause() {
    const text = this.unreached();
    if (text) return { short: word("distance.unreached"), text };
    for (const unit of this.units ?? []) {
      if (unit.silent_s > 0.6 || unit.state !== "streaming") {
        const gone = unit.state === "streaming" || unit.state === "lost";
        return { short: word("distance.silent", { unit: unit.label }), text: word(gone ? "unit_gone" : "unit_doing", { unit: unit.label, state: unit.state }) };
      }
    }
    return null;
  }

  /** Why hipturn itself is not heard; nothing when it is. */
  unreached() {
    if (this.refusal) return says(this.refusal);
    if (!this.open && this.shut) return word("link.again");
    if (SECURE && !this.open && this.answers && performance.now() - this.begun > OPEN_MS) {
      return word("link.certificate");
    }
    if (!this.open) return word("link.none");
    return performance.now() - this.heard > QUIET_MS ? word("link.silent") : "";
  }

  /** Whether the server would obey a command now. */
  can(command) {
    return this.stage?.can?.includes(command) ?? false;
  }

  /** Send a command that the server would obey now; return whether it was sent. */
  send(command) {
    return this.can(command.do) && this.tell(command);
  }

  /** Send what no stage allows or forbids; return whether it was sent. */
  tell(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
