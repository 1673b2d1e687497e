// What is drawn of a job: a bar for each of its runs that was started; `run` is its number among the earlier ones.
function barsOf(job) {
  const own = {job, run: 0, status: job.status, category: job.category, started: job.started, duration: job.duration, node: job.node, ids: job.ids};
  return [...job.earlier.map((run, place) => ({...run, job, run: place + 1})), own].filter(bar => bar.started !== null && bar.node !== null);
}

// How many batches were in a scheduler's queue: [time, number] from each time on. A submission waits for the next run.
function waiting() {
  const changes = [];
  for (const batch of batches) for (const [from] of batch.submitted) {
    const begun = batch.runs.find(run => run[0] >= from);
    changes.push([from, 1]);
    if (begun) changes.push([begun[0], -1]);
  }
  let now = 0;
  return changes.sort((a, b) => a[0] - b[0]).map(([time, change]) => [time, now += change]);
}

class Timeline {
  static LEFT = 118;
  static TOP = 22;
  static STEPS = [.1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

  constructor(root) {
    this.root = root; this.space = root.firstElementChild; this.canvas = root.querySelector("canvas");
    this.zoom = 1; this.current = null;
    this.end = Math.max(1e-3, ...jobs.filter(job => job.started !== null).map(job => job.started + (job.duration || 0)),
      ...batches.flatMap(batch => batch.runs.map(run => run[0] + run[1])));
    this.lay();
    root.addEventListener("scroll", () => this.paint());
    new ResizeObserver(() => this.resize()).observe(root);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    root.addEventListener("keydown", event => this.key(event));
    this.canvas.addEventListener("mousemove", event => this.say(this.at(event)));
    this.canvas.addEventListener("click", event => { const bar = this.at(event); if (bar) { this.current = bar; choose(bar.job, false); } });
  }

  lay() {
    const node = byId("node").value, lanes = new Map();
    this.bars = jobs.flatMap(barsOf).filter(bar => node === "" || bar.node === Number(node))
      .sort((a, b) => a.started - b.started || a.job.place - b.job.place);
    const where = bar => Object.entries(bar.ids).flatMap(([kind, names]) => names.map(name => [kind, name]));
    const key = (node, kind, name) => `${node}\n${kind}\n${name}`;
    for (const bar of this.bars) {
      const places = where(bar);
      for (const [kind, name] of places.length ? places : [["", "no id"]]) {
        const at = key(bar.node, kind, name);
        if (!lanes.has(at)) lanes.set(at, {node: bar.node, kind, name, bars: [], plans: []});
        lanes.get(at).bars.push(bar);
      }
    }
    const rank = kind => kind === "cpus" ? 0 : kind === "gpus" ? 1 : 2;
    this.lanes = [...lanes.values()].sort((a, b) => a.node - b.node || rank(a.kind) - rank(b.kind) ||
      (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : a.name.length - b.name.length || (a.name < b.name ? -1 : 1)));
    for (const bar of this.bars) {
      if (bar.run) continue;
      const runs = batchOf(bar.job).runs.filter(run => run[0] <= bar.started);
      const base = runs.length ? runs[runs.length - 1][0] : 0;
      for (const [kind, names] of Object.entries(bar.job.plan[1])) for (const name of names) {
        const lane = lanes.get(key(bar.node, kind, name));
        if (lane) lane.plans.push([base + bar.job.plan[0], bar.job.expected, bar.job]);
      }
    }
    const steps = waiting();
    if (steps.length) this.lanes.unshift({queue: steps, most: Math.max(...steps.map(step => step[1])), bars: [], plans: []});
    this.row = this.lanes.length <= 24 ? 22 : this.lanes.length <= 80 ? 14 : 9;
    this.resize();
  }

  resize() {
    const width = this.root.clientWidth, height = this.printed || Math.min(440, Timeline.TOP + this.row * this.lanes.length + 10);
    this.root.style.height = Math.max(height, 64) + 16 + "px";
    this.space.style.width = width * this.zoom + "px";
    this.space.style.height = Timeline.TOP + this.row * this.lanes.length + "px";
    this.paint();
  }

  // On paper: as wide as a page, and as high as all lanes, but a hundred at most.
  print(starts) {
    const lanes = Math.min(this.lanes.length, 100), {style} = this.root;
    if (starts) { this.before = [this.zoom, this.root.scrollLeft, this.root.scrollTop]; this.zoom = 1; style.width = "700px"; }
    else style.width = "";
    this.printed = starts ? Timeline.TOP + this.row * lanes + 10 : null;
    if (!starts) this.zoom = this.before[0];
    this.resize();
    [this.root.scrollLeft, this.root.scrollTop] = starts ? [0, 0] : this.before.slice(1);
    byId("lanes").textContent = starts && lanes < this.lanes.length ? `The first ${lanes} of ${this.lanes.length} lanes.` : "";
    this.paint();
  }

  get scale() { return (this.root.clientWidth * this.zoom - Timeline.LEFT - 16) / this.end; }

  scaleBy(factor) {
    const view = this.root.clientWidth - Timeline.LEFT;
    const middle = (this.root.scrollLeft + view / 2) / this.scale;
    this.zoom = Math.max(1, Math.min(5000, this.zoom * factor));
    this.resize();
    this.root.scrollLeft = middle * this.scale - view / 2;
    this.paint();
  }

  paint() {
    const width = this.root.clientWidth, height = this.root.clientHeight, dots = devicePixelRatio || 1;
    this.canvas.width = width * dots; this.canvas.height = height * dots;
    this.canvas.style.width = width + "px"; this.canvas.style.height = height + "px";
    const pen = this.canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const colour = name => style.getPropertyValue("--" + name).trim();
    const tones = Object.fromEntries(TONES.map(category => [category, colour(category.toLowerCase())]));
    pen.scale(dots, dots);
    pen.clearRect(0, 0, width, height);
    pen.font = "11px system-ui, sans-serif";
    const {LEFT, TOP} = Timeline, row = this.row, scale = this.scale, left = this.root.scrollLeft, top = this.root.scrollTop;
    const x = seconds => LEFT + seconds * scale - left, y = lane => TOP + lane * row - top;
    const first = Math.max(0, Math.floor(top / row)), last = Math.min(this.lanes.length, first + Math.ceil(height / row) + 1);
    this.grid(pen, colour, x, height);
    const planned = byId("planned").checked;
    pen.save();
    pen.beginPath(); pen.rect(LEFT, TOP, width - LEFT, height - TOP); pen.clip();
    for (let lane = first; lane < last; lane++) {
      const {bars, plans} = this.lanes[lane], inset = planned ? Math.max(1, row * .2) : 1;
      for (const bar of bars) {
        const start = x(bar.started), long = Math.max(1.5, (bar.duration || 0) * scale - .75);
        if (start > width || start + long < LEFT) continue;
        const full = row - 2 * inset, thick = bar.run ? Math.max(2, Math.round(full * .4)) : full, job = bar.job;
        pen.fillStyle = tones[bar.category];
        const pale = opened && opened !== job;
        pen.globalAlpha = pale ? .45 : 1;
        pen.fillRect(start, y(lane) + inset + (full - thick) / 2, long, thick);
        pen.globalAlpha = 1;
        if (bar === this.current || job === opened) {
          pen.strokeStyle = colour("focus"); pen.lineWidth = 2;
          pen.strokeRect(start, y(lane) + inset, long, full);
        }
        const room = Math.floor((long - 8) / 6);
        if (!bar.run && row >= 20 && room >= 4) {
          pen.fillStyle = colour(pale ? "ink" : "on");
          pen.fillText(job.name.length > room ? job.name.slice(0, room - 1) + "…" : job.name, start + 4, y(lane) + row / 2 + 4);
        }
      }
      if (this.lanes[lane].queue) this.queued(pen, colour, this.lanes[lane], x, y(lane));
      if (!planned) continue;
      pen.strokeStyle = colour("plan"); pen.lineWidth = 1;
      for (const [from, long] of plans) {
        const start = x(from), wide = Math.max(1.5, long * scale - 1);
        if (start > width || start + wide < LEFT) continue;
        pen.strokeRect(start + .5, y(lane) + 1.5, wide, row - 3);
      }
    }
    pen.restore();
    this.names(pen, colour, first, last, y);
  }

  queued(pen, colour, lane, x, top) {
    pen.fillStyle = colour("plan");
    lane.queue.forEach(([from, number], place) => {
      const next = lane.queue[place + 1], high = (this.row - 4) * number / (lane.most || 1);
      pen.fillRect(x(from), top + this.row - 2 - high, x(next ? next[0] : this.end) - x(from), high);
    });
  }

  grid(pen, colour, x, height) {
    const {LEFT, STEPS} = Timeline, wanted = 90 / this.scale;
    const step = STEPS.find(seconds => seconds >= wanted) || 86400 * Math.ceil(wanted / 86400);
    pen.fillStyle = colour("dim"); pen.strokeStyle = colour("line"); pen.lineWidth = 1; pen.textAlign = "center";
    const first = Math.max(0, Math.floor(this.root.scrollLeft / this.scale / step) * step);
    for (let at = first; at <= this.end && x(at) < this.root.clientWidth; at += step) {
      if (x(at) < LEFT - .5) continue;
      pen.beginPath(); pen.moveTo(x(at) + .5, 18); pen.lineTo(x(at) + .5, height); pen.stroke();
      pen.fillText(at ? durationText(at) : "0", x(at), 13);
    }
    pen.textAlign = "left";
  }

  names(pen, colour, first, last, y) {
    const {LEFT, TOP} = Timeline, every = Math.max(1, Math.ceil(12 / this.row));
    pen.save();
    pen.beginPath(); pen.rect(0, TOP, this.root.clientWidth, this.root.clientHeight); pen.clip();
    for (let lane = first; lane < last; lane++) {
      const {node, kind, name, queue, most} = this.lanes[lane], before = this.lanes[lane - 1];
      if (queue) {
        pen.fillStyle = colour("dim");
        pen.fillText(`in the queue, ≤ ${most}`, 6, y(lane) + this.row / 2 + 4);
        continue;
      }
      const begins = !before || before.node !== node || before.kind !== kind;
      if (begins && lane) {
        pen.strokeStyle = colour(before.node === node ? "line" : "dim");
        pen.beginPath(); pen.moveTo(0, y(lane) + .5); pen.lineTo(this.root.clientWidth, y(lane) + .5); pen.stroke();
      }
      if (lane % every && !begins) continue;
      pen.fillStyle = colour("dim");
      pen.textAlign = "right";
      pen.fillText(`${kind.replace(/s$/, "")} ${name}`, LEFT - 8, y(lane) + this.row / 2 + 4);
      pen.textAlign = "left";
      if (!before || before.node !== node || lane === first) pen.fillText(data.nodes[node].slice(0, 10), 6, y(lane) + this.row / 2 + 4);
    }
    pen.restore();
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect(), {LEFT, TOP} = Timeline;
    const lane = this.lanes[Math.floor((event.clientY - box.top - TOP + this.root.scrollTop) / this.row)];
    if (!lane || event.clientX - box.left < LEFT) return null;
    const seconds = (event.clientX - box.left - LEFT + this.root.scrollLeft) / this.scale, slack = 2 / this.scale;
    return lane.bars.find(bar => bar.started - slack <= seconds && seconds <= bar.started + Math.max(bar.duration || 0, slack)) || null;
  }

  say(bar) {
    if (!bar) return;
    const job = bar.job, run = job.earlier.length ? `run ${bar.run || job.earlier.length + 1} of ${job.earlier.length + 1}, ` : "";
    byId("description").textContent = `${job.name}: ${run}${bar.status}, ${durationText(bar.duration)} from ${durationText(bar.started)}` +
      `, ${data.nodes[bar.node]}${on(bar.ids)}; planned ${durationText(job.expected)} from ${durationText(job.plan[0])} into its batch`;
  }

  key(event) {
    const place = this.bars.indexOf(this.current);
    const moves = {ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: this.bars.length - 1};
    if (event.key in moves && this.bars.length) this.reach(this.bars[Math.max(0, Math.min(this.bars.length - 1, moves[event.key]))]);
    else if ((event.key === "Enter" || event.key === " ") && this.current) choose(this.current.job, true);
    else if (event.key === "+" || event.key === "=") this.scaleBy(2);
    else if (event.key === "-") this.scaleBy(.5);
    else return;
    event.preventDefault();
  }

  reach(bar) {
    this.current = bar;
    const x = bar.started * this.scale, view = this.root.clientWidth - Timeline.LEFT - 40;
    if (x < this.root.scrollLeft || x > this.root.scrollLeft + view) this.root.scrollLeft = x - view / 3;
    const lane = this.lanes.findIndex(each => each.bars.includes(bar)) * this.row;
    if (lane < this.root.scrollTop || lane + 60 > this.root.scrollTop + this.root.clientHeight) this.root.scrollTop = lane - 60;
    this.say(bar);
    this.paint();
  }
}
