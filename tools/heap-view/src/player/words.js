// Events and blocks in words: the same grammar as the demos, symbol, verb, size, arrow, base+offset, note.

const VERBS = {
  m: ['✅', 'map'], u: ['🧹', 'unmap'], a: ['✅', 'alloc'], x: ['❌', 'refuse'], f: ['  ', 'free'],
  r: ['  ', 'realloc'], v: ['  ', 'move'], w: ['  ', 'rewind'], s: ['  ', 'reset'], W: ['🎯', 'write'],
  R: ['📦', 'read'], k: ['  ', 'fork'], '!': ['🤡', 'fault'], n: ['  ', ''],
};

// By hand: toLocaleString takes longer than all the rest of a search.
const grouped = (number) => (number < 10000 ? String(number) : String(number).replace(/\B(?=(\d{3})+$)/g, ' '));
const bytes = (size) => `${grouped(size)} B`;

function regionName(ground) {
  const { label, region } = regions[ground];
  return label === null ? `region ${region}` : labels[label];
}
const place = (ground, at) => `${regionName(ground)}+${at}`;
const quoted = (label) => (label >= 0 ? `  "${labels[label]}"` : '');
const siteName = (site) => (site >= 0 ? sites[site][0] : '');

const markOf = new Map(marks.map((mark) => [mark.born, mark]));

function describe(e) {
  const kind = kinds[e];
  const [symbol, verb] = VERBS[kind];
  const ground = events.ground[e];
  const site = siteName(events.site[e]);
  const head = (size, at) => `${symbol} ${verb.padEnd(7)} ${size === null ? '' : bytes(size)}${at === null ? '' : ` → ${place(ground, at)}`}`;
  const note = quoted(events.label[e]);
  const tail = `${note}${site ? `  ${site}` : ''}`;
  const row = births[e];
  switch (kind) {
    case 'm': case 'u':
      return head(regions[ground].size, null) + ` → ${regionName(ground)}` + (site ? `  ${site}` : '');
    case 'a': return `${head(blocks.size[row], blocks.at[row])}  #${blocks.block[row]}${tail}`;
    case 'r': case 'v': {
      const from = blocks.from[row];
      const was = kind === 'r' ? `${bytes(blocks.size[from])} at ` : 'from ';
      return `${head(blocks.size[row], blocks.at[row])}  #${blocks.block[row]}, ${was}+${blocks.at[from]}${tail}`;
    }
    case 'f': {
      const gone = dead[deaths[e]];
      return `${head(blocks.size[gone], blocks.at[gone])}  #${blocks.block[gone]}${tail}`;
    }
    case 'w': return `${head(null, events.at[e])}  ${deaths[e + 1] - deaths[e]} blocks end${tail}`;
    case 's': return `${head(null, 0)}  ${deaths[e + 1] - deaths[e]} blocks end${tail}`;
    case 'x': return `${head(events.size[e], null)} of ${regionName(ground)}${tail}`;
    case 'k': return `${head(null, null)} → ${regionName(ground)}: ${births[e + 1] - births[e]} blocks inherited${tail}`;
    case '!': {
      const mark = markOf.get(e);
      const block = mark.block === null ? '' : `  #${mark.block}`;
      const leak = mark.violation === 'leak' ? '⚠️' : symbol;
      return `${leak} ${mark.violation} ${bytes(mark.size)} → ${place(ground, mark.at)}${block}${tail}`;
    }
    case 'n': return note.trim().replace(/^"|"$/g, '');
    default: return head(events.size[e], events.at[e]) + tail;
  }
}

// What is known of a block at a moment, as pairs.
function facts(row, moment) {
  const died = blocks.died[row];
  const ends = { f: 'freed', r: 'reallocated', v: 'moved', w: 'rewound', s: 'reset', u: 'unmapped' };
  const state = isLive(row, moment) ? 'live'
    : blocks.born[row] >= moment ? 'not yet there' : ends[kinds[died]] || 'gone';
  const wrong = marks.filter((mark) => mark.placement === row && isThere(mark, moment)).map((mark) => mark.violation);
  const out = [
    ['block', `#${blocks.block[row]}`], ['state', [state, ...wrong].join(', ')],
    ['bytes', bytes(blocks.size[row])], ['place', place(blocks.ground[row], blocks.at[row])],
  ];
  if (blocks.before[row] || blocks.after[row]) out.push(['margins', `${blocks.before[row]} before, ${blocks.after[row]} after`]);
  if (blocks.align[row]) out.push(['align', String(blocks.align[row])]);
  if (blocks.tag[row] >= 0) out.push(['tag', String(blocks.tag[row])]);
  if (blocks.label[row] >= 0) out.push(['holds', labels[blocks.label[row]]]);
  const born = blocks.born[row];
  out.push(['since', `event ${born}`], ['until', died < Infinity ? `event ${died}` : 'the end']);
  if (events.thread[born]) out.push(['thread', String(events.thread[born])]);
  if (blocks.site[row] >= 0) out.push(['site', sites[blocks.site[row]].join('\n')]);
  if (died < Infinity && events.site[died] >= 0) out.push(['ended at', sites[events.site[died]].join('\n')]);
  return out;
}
