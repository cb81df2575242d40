// What is read from two metres: at most five words, as large as the longest of them allows.
// The sentences behind them are under "More" and are spoken. The words are the keys `distance.…`.

const LARGEST_PX = 170; // beyond this more words on a line read faster than larger ones
const ROOM_PX = 12; // beside the longest word

const fitted = new WeakMap();
const sizing = new ResizeObserver((entries) => {
  for (const { target } of entries) { fitted.delete(target); fit(target); }
});

/** Show words in a box as large as they fit, never smaller than the box's own font. */
export function say(box, text) {
  const inner = box.firstElementChild ?? box.appendChild(document.createElement("span"));
  if (!fitted.has(box)) sizing.observe(box);
  if (inner.textContent !== text) { inner.textContent = text; fitted.delete(box); }
  fit(box);
}

function fit(box) {
  const inner = box.firstElementChild;
  if (!inner || fitted.get(box) === inner.textContent || !box.clientHeight) return;
  fitted.set(box, inner.textContent);
  const least = parseFloat(getComputedStyle(box).fontSize);
  const fits = (px) => {
    inner.style.fontSize = `${px}px`;
    return inner.offsetHeight <= box.clientHeight && inner.scrollWidth <= box.clientWidth - ROOM_PX;
  };
  let low = least, high = LARGEST_PX;
  if (fits(high)) return;
  while (high - low > 1) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle; else high = middle;
  }
  fits(low);
}
