// The timeline: live bytes over the events, the matches of the search, what went wrong, the moment.

const timeline = document.getElementById('timeline');

const lastMoment = Math.max(1, count);

// For each pixel the most bytes that were live: a peak of one event stays visible.
function profile(width) {
  const most = new Float64Array(width);
  for (let moment = 0; moment <= count; moment++) {
    const x = Math.min(width - 1, Math.floor(moment / lastMoment * width));
    const end = Math.min(width, Math.max(x + 1, Math.floor((moment + 1) / lastMoment * width)));
    for (let i = x; i < end; i++) most[i] = Math.max(most[i], liveBytes[moment]);
  }
  return most;
}
let known = { width: 0, most: [], top: 1 };

function drawTimeline(moment, matches) {
  const scale = window.devicePixelRatio || 1;
  const width = Math.max(16, Math.floor(timeline.clientWidth * scale));
  const height = Math.max(16, Math.floor(timeline.clientHeight * scale));
  if (timeline.width !== width || timeline.height !== height) [timeline.width, timeline.height] = [width, height];
  if (known.width !== width) {
    const most = profile(width);
    known = { width, most, top: most.reduce((a, b) => Math.max(a, b), 1) };
  }
  const to = timeline.getContext('2d');
  to.clearRect(0, 0, width, height);
  const x = (at) => Math.min(width - 2, Math.floor(at / lastMoment * width));
  for (const [colour, from, end] of [[theme.live, 0, x(moment) + 1], [theme.freed, x(moment) + 1, width]]) {
    to.fillStyle = colour;
    for (let i = from; i < end; i++) {
      const bar = Math.ceil(known.most[i] / known.top * (height - 12 * scale));
      to.fillRect(i, height - bar, 1, bar);
    }
  }
  const ticks = (moments, colour, y) => {
    to.fillStyle = colour;
    let last = -1;
    for (const at of moments) {
      if (x(at) !== last) to.fillRect(last = x(at), y, Math.max(2, scale), 5 * scale);
    }
  };
  ticks(matches, theme.accent, 0);
  ticks(marks.map((mark) => mark.born + 1), theme.corrupted, 6 * scale);
  to.fillStyle = theme.ink;
  to.fillRect(x(moment), 0, Math.max(2, scale), height);
}

function momentAt(x) {
  const rect = timeline.getBoundingClientRect();
  return Math.max(0, Math.min(count, Math.round((x - rect.left) / rect.width * lastMoment)));
}
