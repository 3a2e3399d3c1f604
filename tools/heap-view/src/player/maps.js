// The maps: one canvas for each window of memory, rows of bytes from the left to the right.

const GUTTER = 92;
const PALETTE = ['#4e79a7', '#3f8537', '#95608a', '#2f8680', '#8b6246', '#4f6fc0', '#6b7f2a', '#b5527a'];
let theme = {};
const context = document.createElement('canvas').getContext('2d');

// A colour as the four bytes of a pixel.
function pixel(colour) {
  context.fillStyle = colour;
  const hex = parseInt(context.fillStyle.slice(1), 16);
  return (0xff000000 | ((hex & 0xff) << 16) | (hex & 0xff00) | (hex >> 16)) >>> 0;
}
const darker = (p) => (0xff000000 | ((p >> 1) & 0x7f7f7f)) >>> 0;

function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['unused', 'freed', 'margin', 'quarantined', 'pinned', 'leaked', 'corrupted', 'ground', 'ink', 'faint', 'accent', 'rule']) {
    theme[name] = style.getPropertyValue(`--${name}`).trim();
  }
  theme.live = PALETTE[0];
  theme.pixels = Object.fromEntries(Object.entries(theme).filter(([, c]) => typeof c === 'string').map(([n, c]) => [n, pixel(c)]));
  theme.palette = PALETTE.map(pixel);
}

const maps = windows.map(([ground, from, to]) => {
  const figure = document.createElement('figure');
  const caption = document.createElement('figcaption');
  const canvas = document.createElement('canvas');
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'img');
  figure.append(caption, canvas);
  document.getElementById('maps').append(figure);
  return { ground, from, to, view: [from, to], figure, caption, canvas, buffer: document.createElement('canvas') };
});

// Rows are powers of two bytes long, at least 64, and at most 32 of them fill a map.
function layOut(map) {
  const [from, to] = map.view;
  let perRow = 64;
  while ((to - from) / perRow > 32) perRow *= 2;
  map.perRow = perRow;
  map.start = from - (from % perRow);
  map.rows = Math.max(1, Math.ceil((to - map.start) / perRow));
  map.rowHeight = Math.max(8, Math.min(26, Math.floor(360 / map.rows)));
  const scale = window.devicePixelRatio || 1;
  const width = map.canvas.clientWidth || 800;
  map.scale = scale;
  map.width = Math.max(64, Math.floor((width - GUTTER) * scale));
  map.canvas.style.height = `${map.rows * map.rowHeight}px`;
  const wanted = [Math.floor(width * scale), Math.floor(map.rows * map.rowHeight * scale)];
  if (map.canvas.width !== wanted[0] || map.canvas.height !== wanted[1]) [map.canvas.width, map.canvas.height] = wanted;
  if (map.buffer.width !== map.width || map.buffer.height !== map.rows || !map.image) {
    [map.buffer.width, map.buffer.height] = [map.width, map.rows];
    map.image = map.buffer.getContext('2d').createImageData(map.width, map.rows);
    map.pixels = new Uint32Array(map.image.data.buffer);
  }
}

// Paints bytes [at, end) of a map in one colour; the last pixel parts it from what follows.
function paint(map, at, end, colour, parted) {
  const { start, perRow, rows, width, pixels } = map;
  at = Math.max(at, map.view[0]);
  end = Math.min(end, map.view[1]);
  if (at >= end) return;
  const per = width / perRow;
  let row = Math.floor((at - start) / perRow);
  const last = Math.min(rows - 1, Math.floor((end - 1 - start) / perRow));
  for (; row <= last; row++) {
    const base = start + row * perRow;
    const x0 = Math.max(0, Math.floor((at - base) * per));
    const x1 = Math.min(width, Math.max(x0 + 1, Math.floor((end - base) * per)));
    pixels.fill(colour, row * width + x0, row * width + x1);
    if (parted && x1 - x0 > 3 && end <= base + perRow) pixels[row * width + x1 - 1] = darker(colour);
  }
}

let colourBy = 'block';
function colourOf(row) {
  const key = colourBy === 'site' ? blocks.site[row] : colourBy === 'tag' ? blocks.tag[row]
    : colourBy === 'thread' ? events.thread[blocks.born[row]] : blocks.block[row];
  return theme.palette[((key % PALETTE.length) + PALETTE.length) % PALETTE.length];
}

// Of more regions than this, those that are not there are left out.
const MOST_EMPTY = 24;

function drawMaps(moment, selected) {
  for (const map of maps) {
    map.live = [];
    map.hidden = maps.length > MOST_EMPTY && !isThere(regions[map.ground], moment);
    map.figure.hidden = map.hidden;
    if (map.hidden) continue;
    layOut(map);
    map.snapshot = snapshotAt(map.ground, moment);
    map.pixels.fill(theme.pixels.ground);
    paint(map, map.view[0], map.view[1], theme.pixels.unused, false);
  }
  const born = births[moment];
  for (let row = 0; row < born; row++) {
    if (moment <= blocks.died[row]) continue;
    const map = maps[windowOf[row]];
    if (map && !map.hidden && !map.snapshot) paint(map, startOf(row), endOf(row), theme.pixels.freed, true);
  }
  for (let row = 0; row < born; row++) {
    if (moment > blocks.died[row]) continue;
    const map = maps[windowOf[row]];
    if (!map || map.hidden || map.snapshot) continue;
    if (blocks.before[row] || blocks.after[row]) paint(map, startOf(row), endOf(row), theme.pixels.margin, false);
    paint(map, blocks.at[row], blocks.at[row] + blocks.size[row], colourOf(row), true);
    map.live.push(row);
  }
  const shown = maps.filter((map) => !map.hidden);
  for (const map of shown) {
    for (const [at, size, state] of map.snapshot ? map.snapshot.spans : []) paint(map, at, at + size, theme.pixels[state], true);
  }
  for (const mark of marks) {
    if (!isThere(mark, moment)) continue;
    for (const map of shown) {
      if (map.ground === mark.ground) paint(map, mark.at, mark.at + Math.max(1, mark.size), theme.pixels[mark.state], true);
    }
  }
  for (const map of shown) finish(map, moment, selected);
}

function finish(map, moment, selected) {
  const { canvas, buffer, scale, rowHeight, rows, perRow, start, width } = map;
  const to = canvas.getContext('2d');
  to.setTransform(1, 0, 0, 1, 0, 0);
  to.fillStyle = theme.ground;
  to.fillRect(0, 0, canvas.width, canvas.height);
  buffer.getContext('2d').putImageData(map.image, 0, 0);
  to.imageSmoothingEnabled = false;
  const left = canvas.width - width;
  to.drawImage(buffer, left, 0, width, rows * rowHeight * scale);
  to.fillStyle = theme.ground;
  for (let row = 1; row < rows; row++) to.fillRect(0, Math.floor(row * rowHeight * scale) - 1, canvas.width, scale);
  to.font = `${11 * scale}px ui-monospace, monospace`;
  to.textBaseline = 'middle';
  to.textAlign = 'right';
  to.fillStyle = theme.faint;
  const every = Math.max(1, Math.ceil(14 / rowHeight));
  for (let row = 0; row < rows; row += every) to.fillText(`+${start + row * perRow}`, left - 8 * scale, (row + 0.5) * rowHeight * scale);
  if (map.live.length <= 400 && rowHeight >= 14) for (const row of map.live) name(map, to, left, row);
  const last = moment - 1;
  if (last >= 0 && 'WR!'.includes(kinds[last]) && events.ground[last] === map.ground) {
    outline(map, to, left, events.at[last], events.at[last] + Math.max(1, events.size[last]), theme.ink);
  } else if (last >= 0 && births[last] < births[moment] && kinds[last] !== 'k' && maps[windowOf[births[last]]] === map) {
    const row = births[last];
    outline(map, to, left, blocks.at[row], blocks.at[row] + blocks.size[row], theme.ink);
  }
  if (selected >= 0 && maps[windowOf[selected]] === map) outline(map, to, left, startOf(selected), endOf(selected), theme.accent);
  const region = regions[map.ground];
  map.figure.classList.toggle('gone', !isThere(region, moment));
  caption(map, region, moment);
}

function caption(map, region, moment) {
  const bold = document.createElement('b');
  bold.textContent = regionName(map.ground);
  const size = region.size ? ` of ${bytes(region.size)}` : '';
  const there = isThere(region, moment) ? '' : region.born >= moment ? ' · not yet mapped' : ' · unmapped';
  const said = map.snapshot && map.snapshot.label !== null ? ` · ${labels[map.snapshot.label]}` : '';
  map.caption.replaceChildren(bold, ` · bytes ${grouped(map.view[0])} to ${grouped(map.view[1])}${size} · ${bytes(map.perRow)} a row · ${grouped(map.live.length)} live${there}${said}`);
  map.canvas.setAttribute('aria-label', map.caption.textContent);
}

// Writes what a block holds, or its number, where there is room for it.
function name(map, to, left, row) {
  const from = Math.max(blocks.at[row], map.view[0]);
  const line = Math.floor((from - map.start) / map.perRow);
  const per = map.width / map.perRow;
  const x = (from - map.start - line * map.perRow) * per;
  const room = Math.min((blocks.at[row] + blocks.size[row] - from) * per, map.width - x) - 8 * map.scale;
  const text = blocks.label[row] >= 0 ? labels[blocks.label[row]] : `#${blocks.block[row]}`;
  if (line < 0 || line >= map.rows || to.measureText(text).width > room) return;
  to.fillStyle = '#fff';
  to.textAlign = 'left';
  to.fillText(text, left + x + 4 * map.scale, (line + 0.5) * map.rowHeight * map.scale);
}

function outline(map, to, left, at, end, colour) {
  const per = map.width / map.perRow;
  to.strokeStyle = colour;
  to.lineWidth = 2 * map.scale;
  at = Math.max(at, map.view[0]);
  end = Math.min(end, map.view[1]);
  for (let row = Math.max(0, Math.floor((at - map.start) / map.perRow)); row < map.rows; row++) {
    const base = map.start + row * map.perRow;
    if (base >= end) break;
    const x0 = Math.max(0, at - base) * per;
    const x1 = Math.min(map.perRow, end - base) * per;
    to.strokeRect(left + x0 + to.lineWidth / 2, row * map.rowHeight * map.scale + to.lineWidth / 2, Math.max(2, x1 - x0 - to.lineWidth), map.rowHeight * map.scale - to.lineWidth);
  }
}

// The offset under a point of a canvas; -1 for none.
function offsetAt(map, x, y) {
  const rect = map.canvas.getBoundingClientRect();
  const column = (x - rect.left) * map.scale - (map.canvas.width - map.width);
  const line = Math.floor((y - rect.top) / map.rowHeight);
  if (column < 0 || line < 0 || line >= map.rows) return -1;
  return map.start + line * map.perRow + Math.floor(column * map.perRow / map.width);
}

// The block under a point, live if there is one, else the last that was there; -1 for none.
function blockAt(map, x, y, moment) {
  const at = offsetAt(map, x, y);
  if (at < 0 || map.snapshot) return -1;
  let found = -1;
  for (let row = 0; row < births[moment]; row++) {
    if (maps[windowOf[row]] !== map || at < startOf(row) || at >= Math.max(endOf(row), startOf(row) + map.perRow / map.width)) continue;
    if (found < 0 || isLive(row, moment) || !isLive(found, moment)) found = row;
  }
  return found;
}

// What a snapshot says of the bytes under a point, as pairs; null for nothing.
function spanAt(map, x, y) {
  const at = offsetAt(map, x, y);
  const span = map.snapshot?.spans.find(([from, size]) => from <= at && at < from + size);
  if (!span) return null;
  const [from, size, state, label, tag] = span;
  const out = [['state', state], ['bytes', bytes(size)], ['place', place(map.ground, from)]];
  if (tag !== null) out.push(['tag', String(tag)]);
  if (label !== null) out.push(['holds', labels[label]]);
  return out;
}
