// The recording: columns of numbers, and which blocks are live at which moment.
// A moment is how many events have happened.

const raw = JSON.parse(document.getElementById('data').textContent);
const { title, labels, sites, regions, marks, snapshots, windows, dropped } = raw.small;
const kinds = raw.kinds;
const count = kinds.length;
const blockCount = Array.isArray(raw.blocks.born) ? raw.blocks.born.length : lonelyBlocks();

// A column of which all numbers are the same is one number, and does not say how long it is.
function lonelyBlocks() {
  const lengths = Object.values(raw.blocks).filter(Array.isArray).map((column) => column.length);
  if (lengths.length) return lengths[0];
  return [...kinds].some((kind) => kind === 'a') ? 1 : 0;
}

function undelta(column, length) {
  const out = new Float64Array(length);
  if (!Array.isArray(column)) return out.fill(column);
  let last = 0;
  for (let i = 0; i < length; i++) out[i] = last += column[i];
  return out;
}

function plain(column, length) {
  return Array.isArray(column) ? Float64Array.from(column) : new Float64Array(length).fill(column);
}

const events = {};
for (const [name, column] of Object.entries(raw.events)) events[name] = undelta(column, count);

const blocks = {};
for (const [name, column] of Object.entries(raw.blocks)) {
  blocks[name] = (name === 'lived' || name === 'from' ? plain : undelta)(column, blockCount);
}
blocks.died = blocks.lived.map((lived, row) => (lived ? blocks.born[row] + lived : Infinity));
blocks.from = blocks.from.map((back, row) => (back ? row - back : -1));

// A block that came from another place keeps what was known of it.
blocks.site = new Float64Array(blockCount);
blocks.label = new Float64Array(blockCount);
for (let row = 0; row < blockCount; row++) {
  const [from, born] = [blocks.from[row], blocks.born[row]];
  blocks.site[row] = from < 0 ? events.site[born] : blocks.site[from];
  const label = kinds[born] === 'k' ? -1 : events.label[born];
  blocks.label[row] = label >= 0 || from < 0 ? label : blocks.label[from];
}

// births[e]..births[e + 1] are the rows that event e put there; dead is the same for those it took.
const births = new Uint32Array(count + 1);
const deaths = new Uint32Array(count + 1);
for (let row = 0; row < blockCount; row++) {
  births[blocks.born[row] + 1]++;
  if (blocks.died[row] < Infinity) deaths[blocks.died[row] + 1]++;
}
for (let e = 0; e < count; e++) {
  births[e + 1] += births[e];
  deaths[e + 1] += deaths[e];
}
const dead = new Uint32Array(deaths[count]);
const filled = deaths.slice();
for (let row = 0; row < blockCount; row++) {
  if (blocks.died[row] < Infinity) dead[filled[blocks.died[row]]++] = row;
}

const liveBytes = new Float64Array(count + 1);
const liveBlocks = new Float64Array(count + 1);
for (let e = 0; e < count; e++) {
  let bytes = 0;
  for (let row = births[e]; row < births[e + 1]; row++) bytes += blocks.size[row];
  for (let i = deaths[e]; i < deaths[e + 1]; i++) bytes -= blocks.size[dead[i]];
  liveBytes[e + 1] = liveBytes[e] + bytes;
  liveBlocks[e + 1] = liveBlocks[e] + births[e + 1] - births[e] - (deaths[e + 1] - deaths[e]);
}

const isLive = (row, moment) => blocks.born[row] < moment && moment <= blocks.died[row];
const isThere = (it, moment) => it.born < moment && (it.died === null || moment <= it.died);
const startOf = (row) => blocks.at[row] - blocks.before[row];
const endOf = (row) => blocks.at[row] + blocks.size[row] + blocks.after[row];

// A snapshot says it all until the next event that changes a block of its region.
for (const snapshot of snapshots) {
  snapshot.until = Infinity;
  for (let e = snapshot.after; e < count; e++) {
    const ground = births[e] < births[e + 1] ? blocks.ground[births[e]]
      : deaths[e] < deaths[e + 1] ? blocks.ground[dead[deaths[e]]] : -1;
    if (ground === snapshot.ground) { snapshot.until = e; break; }
  }
}
function snapshotAt(ground, moment) {
  return snapshots.findLast((s) => s.ground === ground && s.after <= moment && moment <= s.until
    && (regions[ground].died === null || s.after <= regions[ground].died));
}

// The window in which each block is drawn.
const windowsOf = new Map();
windows.forEach(([ground], index) => windowsOf.set(ground, [...(windowsOf.get(ground) ?? []), index]));
const windowOf = new Int32Array(blockCount).fill(-1);
for (let row = 0; row < blockCount; row++) {
  const start = startOf(row);
  windowOf[row] = windowsOf.get(blocks.ground[row]).find((index) => start >= windows[index][1] && start < windows[index][2]) ?? -1;
}
