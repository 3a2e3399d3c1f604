// The search: #7 is a block, tag:7 a tag, >=1000 a size, everything else a part of the event, or of what a snapshot says, in words.

// Two questions: whether an event matches, and whether a span of a snapshot does.
function matchers(query) {
  const text = query.trim().toLowerCase();
  if (!text) return null;
  const rowOf = (e) => (births[e] < births[e + 1] ? births[e] : deaths[e] < deaths[e + 1] ? dead[deaths[e]] : -1);
  const number = (word) => Number(word.replaceAll('_', ''));
  let found = /^#(\d+)$/.exec(text);
  if (found) {
    const block = number(found[1]);
    const ofEvent = (e) => {
      for (let row = births[e]; row < births[e + 1]; row++) if (blocks.block[row] === block) return true;
      for (let i = deaths[e]; i < deaths[e + 1]; i++) if (blocks.block[dead[i]] === block) return true;
      return kinds[e] === '!' && markOf.get(e).block === block;
    };
    return [ofEvent, () => false];
  }
  found = /^tag:\s*(0x[0-9a-f]+|\d+)$/.exec(text);
  if (found) {
    const tag = number(found[1]);
    const ofEvent = (e) => { const row = rowOf(e); return row >= 0 && blocks.tag[row] === tag; };
    return [ofEvent, (span) => span[4] === tag];
  }
  found = /^(>=|<=|>|<|=)\s*(\d[\d_]*)$/.exec(text);
  if (found) {
    const size = number(found[2]);
    const test = { '>=': (a) => a >= size, '<=': (a) => a <= size, '>': (a) => a > size, '<': (a) => a < size, '=': (a) => a === size }[found[1]];
    const ofEvent = (e) => { const row = rowOf(e); return row >= 0 ? test(blocks.size[row]) : events.size[e] > 0 && test(events.size[e]); };
    return [ofEvent, (span) => test(span[1])];
  }
  const ofEvent = (e) => describe(e).toLowerCase().includes(text) || framesOf(e).includes(text);
  return [ofEvent, (span) => `${span[2]} ${span[3] === null ? '' : labels[span[3]]}`.toLowerCase().includes(text)];
}

// The whole stack of an event, in small letters; made once for each site.
const smallFrames = new Map();
function framesOf(e) {
  const site = events.site[e];
  if (site < 0) return '';
  if (!smallFrames.has(site)) smallFrames.set(site, sites[site].join('\n').toLowerCase());
  return smallFrames.get(site);
}

// The moments right after the events that match, and those of the snapshots in which a span does.
function search(query) {
  const tests = matchers(query);
  if (!tests) return [];
  const [ofEvent, ofSpan] = tests;
  const moments = new Set(snapshots.filter((snapshot) => snapshot.spans.some(ofSpan)).map((snapshot) => snapshot.after));
  for (let e = 0; e < count; e++) if (ofEvent(e)) moments.add(e + 1);
  return [...moments].sort((a, b) => a - b);
}
