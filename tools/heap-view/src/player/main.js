// The page: what is shown, and what mouse and keys do to it.

const $ = (id) => document.getElementById(id);
const state = { moment: 0, selected: -1, hovered: -1, span: null, playing: false, matches: [], query: '' };
const stats = { frames: 0, last: 0, worst: 0 };
let due = false;

function draw() {
  due = false;
  const began = performance.now();
  const shown = state.hovered >= 0 ? state.hovered : state.selected;
  drawMaps(state.moment, shown);
  drawTimeline(state.moment, state.matches);
  $('scrub').value = state.moment;
  $('moment').textContent = `${grouped(state.moment)} / ${grouped(count)} · ${bytes(liveBytes[state.moment])} live in ${grouped(liveBlocks[state.moment])} blocks`;
  const text = state.moment ? describe(state.moment - 1) : 'before the first event';
  if ($('event').textContent !== text) $('event').textContent = text;
  $('scrub').setAttribute('aria-valuetext', `${state.moment} of ${count}: ${text}`);
  showBlock(shown);
  stats.last = performance.now() - began;
  stats.worst = Math.max(stats.worst, stats.last);
  stats.frames++;
}
function redraw() {
  if (!due) requestAnimationFrame(draw);
  due = true;
}

function showBlock(row) {
  const pairs = state.span ?? (row < 0 ? [['', 'Point at a block, or choose one with [ and ].']] : facts(row, state.moment));
  $('block').replaceChildren(...pairs.flatMap(([term, what]) => {
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    [dt.textContent, dd.textContent] = [term, what];
    return [dt, dd];
  }));
}

function seek(moment) {
  state.span = null;
  state.moment = Math.max(0, Math.min(count, Math.round(moment)));
  redraw();
}

function play(on) {
  state.playing = on;
  $('play').textContent = on ? '⏸ pause' : '▶ play';
  if (!on) return;
  if (state.moment === count) seek(0);
  let last = performance.now();
  let owed = 0;
  const tick = (now) => {
    if (!state.playing) return;
    owed += (now - last) / 1000 * Number($('speed').value);
    last = now;
    const steps = Math.floor(owed);
    owed -= steps;
    if (steps) seek(state.moment + steps);
    if (state.moment === count) play(false); else requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

// The search that waits until the typing pauses.
let typed = 0;

function lookFor(query) {
  clearTimeout(typed);
  state.query = query;
  state.matches = search(query);
  $('matches').textContent = query.trim() ? `${grouped(state.matches.length)} found` : '';
  redraw();
}

// Goes to the match after or before this moment, around the ends, and chooses its block.
function goToMatch(step) {
  const { matches, moment } = state;
  if (!matches.length) return;
  const to = step > 0 ? matches.find((m) => m > moment) ?? matches[0] : matches.findLast((m) => m < moment) ?? matches.at(-1);
  const e = to - 1;
  const mark = kinds[e] === '!' ? markOf.get(e).placement : null;
  state.selected = mark ?? (births[e] < births[to] ? births[e] : deaths[e] < deaths[to] ? dead[deaths[e]] : -1);
  const place = matches.indexOf(to) + 1;
  $('matches').textContent = `${grouped(place)} of ${grouped(matches.length)}`;
  seek(to);
}

// Chooses the live block before or behind the chosen one, by address, map by map.
function choose(step) {
  const order = maps.flatMap((map) => [...map.live].sort((a, b) => blocks.at[a] - blocks.at[b]));
  if (!order.length) return;
  const place = order.indexOf(state.selected);
  state.selected = place < 0 ? order.at(step > 0 ? 0 : -1) : order[(place + step + order.length) % order.length];
  state.hovered = -1;
  maps[windowOf[state.selected]].figure.scrollIntoView({ block: 'nearest' });
  redraw();
}

function zoom(map, factor, centre) {
  const [from, to] = map.view;
  const half = Math.max(32, (to - from) * factor / 2);
  const length = Math.min(map.to - map.from, 2 * half);
  const start = Math.max(map.from, Math.min(map.to - length, Math.floor(centre - length / 2)));
  map.view = [start, start + length].map(Math.floor);
  redraw();
}
function zoomChosen(factor) {
  const row = state.selected;
  for (const map of row >= 0 ? [maps[windowOf[row]]] : maps) {
    zoom(map, factor, row >= 0 ? blocks.at[row] + blocks.size[row] / 2 : (map.view[0] + map.view[1]) / 2);
  }
}

const hundred = (event) => (event.shiftKey ? 100 : 1);
const KEYS = {
  ArrowRight: (event) => seek(state.moment + hundred(event)),
  ArrowLeft: (event) => seek(state.moment - hundred(event)),
  PageDown: () => seek(state.moment + Math.max(1, count / 20)),
  PageUp: () => seek(state.moment - Math.max(1, count / 20)),
  Home: () => seek(0),
  End: () => seek(count),
  ' ': () => play(!state.playing),
  ']': () => choose(1),
  '[': () => choose(-1),
  '+': () => zoomChosen(0.5),
  '=': () => zoomChosen(0.5),
  '-': () => zoomChosen(2),
  0: () => { for (const map of maps) map.view = [map.from, map.to]; redraw(); },
  b: () => { if (state.selected >= 0) seek(blocks.born[state.selected] + 1); },
  e: () => { if (state.selected >= 0) seek(Math.min(count, blocks.died[state.selected] + 1)); },
  '/': () => { $('search').focus(); $('search').select(); },
  n: () => goToMatch(1),
  N: () => goToMatch(-1),
  '?': () => $('keys').showModal(),
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ($('keys').open) {
    if (event.key === 'Escape' || event.key === '?') {
      $('keys').close();
      // Until the next frame its button would keep the focus, and take the next key.
      document.activeElement.blur();
      event.preventDefault();
    }
    return;
  }
  if (event.target === $('search')) {
    if (event.key === 'Enter') { lookFor($('search').value); goToMatch(event.shiftKey ? -1 : 1); event.preventDefault(); }
    // The browser would clear the field, and the matches with it.
    if (event.key === 'Escape') { $('search').blur(); event.preventDefault(); }
    return;
  }
  // A button keeps its space bar, a list its arrows.
  if (event.target.tagName === 'SELECT' || (event.target.tagName === 'BUTTON' && event.key === ' ')) return;
  const action = KEYS[event.key];
  if (!action) return;
  action(event);
  event.preventDefault();
});

for (const map of maps) {
  map.canvas.addEventListener('mousemove', (event) => {
    const row = blockAt(map, event.clientX, event.clientY, state.moment);
    const span = spanAt(map, event.clientX, event.clientY);
    if (row === state.hovered && !span && !state.span) return;
    Object.assign(state, { hovered: row, span });
    redraw();
  });
  map.canvas.addEventListener('mouseleave', () => { Object.assign(state, { hovered: -1, span: null }); redraw(); });
  map.canvas.addEventListener('click', (event) => { state.selected = blockAt(map, event.clientX, event.clientY, state.moment); redraw(); });
  map.canvas.addEventListener('wheel', (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const row = blockAt(map, event.clientX, event.clientY, state.moment);
    zoom(map, event.deltaY < 0 ? 0.5 : 2, row >= 0 ? blocks.at[row] : (map.view[0] + map.view[1]) / 2);
  }, { passive: false });
}
timeline.addEventListener('pointerdown', (event) => { timeline.setPointerCapture(event.pointerId); seek(momentAt(event.clientX)); });
timeline.addEventListener('pointermove', (event) => { if (event.buttons) seek(momentAt(event.clientX)); });
$('scrub').max = count;
$('scrub').addEventListener('input', () => seek(Number($('scrub').value)));
$('first').addEventListener('click', () => seek(0));
$('last').addEventListener('click', () => seek(count));
$('back').addEventListener('click', () => seek(state.moment - 1));
$('step').addEventListener('click', () => seek(state.moment + 1));
$('play').addEventListener('click', () => play(!state.playing));
$('help').addEventListener('click', () => $('keys').showModal());
$('previous').addEventListener('click', () => goToMatch(-1));
$('next').addEventListener('click', () => goToMatch(1));
$('colour').addEventListener('change', () => { colourBy = $('colour').value; redraw(); });
$('search').addEventListener('input', () => { clearTimeout(typed); typed = setTimeout(() => { if ($('search').value !== state.query) lookFor($('search').value); }, 150); });
addEventListener('resize', redraw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readTheme(); legend(); redraw(); });

function legend() {
  $('legend').replaceChildren(...raw.small.states.map((name) => {
    const [item, swatch] = [document.createElement('li'), document.createElement('i')];
    swatch.style.background = theme[name];
    item.append(swatch, name);
    return item;
  }));
}

// The whole takes about a quarter of a minute unless a reader chooses otherwise.
for (const speed of [1, 4, 16, 64, 256, 1024, 4096, 16384]) $('speed').append(new Option(`${grouped(speed)} events a second`, speed));
$('speed').value = [1, 4, 16, 64, 256, 1024, 4096].find((speed) => count / speed <= 15) ?? 16384;
const lost = dropped ? ` · ${grouped(dropped)} events were not recorded` : '';
const counted = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
const allocated = blocks.from.filter((from) => from < 0).length;
$('summary').textContent = [[count, 'event'], [allocated, 'block'], [regions.length, 'region'], [marks.length, 'fault']].map((pair) => counted(...pair)).join(' · ') + lost;
readTheme();
legend();
seek(count);
// For tests and for the console.
window.heapView = { state, stats, seek, search: lookFor, goToMatch, describe, liveBytes, liveBlocks, maps, facts };
