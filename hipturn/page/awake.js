// Keep the screen on during exercise: the wake lock where the browser has it (this computer,
// or https), else a tiny silent picture that moves, which most phones treat as a film.

let lock = null, film = null, wanted = false;

export function canLock() {
  return "wakeLock" in navigator;
}

export async function keepAwake() {
  wanted = true;
  if (canLock()) {
    try { lock = await navigator.wakeLock.request("screen"); return; } catch { /* the battery is low */ }
  }
  if (film) return;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2;
  const ctx = canvas.getContext("2d");
  if (!canvas.captureStream) return;
  film = document.createElement("video");
  film.muted = true;
  film.playsInline = true;
  film.srcObject = canvas.captureStream(1);
  film.play().catch(() => { film = null; });
  setInterval(() => { ctx.fillStyle = `rgb(0 0 ${performance.now() % 255})`; ctx.fillRect(0, 0, 2, 2); }, 1000);
}

export function letSleep() {
  wanted = false;
  lock?.release().catch(() => {});
  lock = null;
}

document.addEventListener("visibilitychange", () => { if (wanted && !document.hidden) keepAwake(); });
