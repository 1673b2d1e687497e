"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const named = (fields, row) => Object.fromEntries(fields.map((field, place) => [field, row[place]]));
const jobs = data.jobs.map((row, place) => Object.assign(named(data.job_fields, row), {place}));
const batches = data.batches.map((row, place) => Object.assign(named(data.batch_fields, row), {place}));
const WORDS = {PASS: "passed", FAIL: "failed", CANCEL: "cancelled", SKIP: "skipped", NONE: "not run"};
const SOURCES = {history: "from history", declared: "declared", default: "a quarter of its limit"};
const ORDER = {FAIL: 0, CANCEL: 1, NONE: 2, SKIP: 3, PASS: 4};
const byId = id => document.getElementById(id);

function told(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 0) return "-" + told(-seconds);
  if (seconds < 1) return seconds.toFixed(2) + "s";
  if (seconds < 10) return seconds.toFixed(1) + "s";
  const whole = Math.round(seconds), two = n => String(n).padStart(2, "0");
  if (whole < 60) return whole + "s";
  if (whole < 3600) return Math.floor(whole / 60) + "m" + two(whole % 60) + "s";
  if (whole < 86400) return Math.floor(whole / 3600) + "h" + two(Math.floor(whole % 3600 / 60)) + "m";
  return Math.floor(whole / 86400) + "d" + two(Math.floor(whole % 86400 / 3600)) + "h";
}

function element(parent, name, text, properties) {
  const node = document.createElement(name);
  if (text !== undefined && text !== null) node.textContent = text;
  Object.assign(node, properties || {});
  if (parent) parent.appendChild(node);
  return node;
}

function draw(parent, name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
}

// A table of which only the rows in sight exist, so that ten thousand are as quick as ten.
class Grid {
  static ROW = 30;

  constructor(root, rows, columns, order, open, close) {
    this.root = root; this.rows = rows; this.columns = columns; this.open = open; this.close = close;
    this.shown = rows; this.active = -1; this.order = order; this.down = false;
    root.style.setProperty("--columns", columns.map(column => column.width).join(" "));
    root.style.setProperty("--least", columns.reduce((sum, column) => sum + column.least, 0) + "px");
    root.setAttribute("aria-colcount", columns.length);
    this.head = element(root, "div", null, {className: "head"});
    this.head.setAttribute("role", "row");
    columns.forEach((column, place) => {
      const cell = element(this.head, "div", null, {className: column.number ? "n" : ""});
      cell.setAttribute("role", "columnheader");
      element(cell, "button", column.title, {onclick: () => this.sort(place), title: "Sort by " + column.title});
    });
    this.body = element(root, "div", null, {className: "body"});
    this.body.setAttribute("role", "rowgroup");
    root.addEventListener("scroll", () => this.paint());
    root.addEventListener("keydown", event => this.key(event));
    new ResizeObserver(() => this.paint()).observe(root);
    this.arrange();
  }

  sort(place) {
    const column = this.columns[place];
    this.down = this.order === column.value ? !this.down : false;
    this.order = column.value;
    this.arrange();
  }

  filter(keep) { this.keep = keep; this.arrange(); }

  arrange() {
    const chosen = this.shown[this.active], value = this.order, sign = this.down ? -1 : 1;
    this.shown = this.keep ? this.rows.filter(this.keep) : [...this.rows];
    const keys = new Map(this.shown.map(row => [row, value(row)]));
    const missing = key => key === null || key === undefined || key === "";
    this.shown.sort((one, other) => {
      const a = keys.get(one), b = keys.get(other);
      if (missing(a) || missing(b)) return missing(a) - missing(b) || one.place - other.place;
      return sign * (typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0) || one.place - other.place;
    });
    this.columns.forEach((column, place) => this.head.children[place].setAttribute(
      "aria-sort", column.value !== value ? "none" : this.down ? "descending" : "ascending"));
    this.root.setAttribute("aria-rowcount", this.shown.length + 1);
    this.active = this.shown.indexOf(chosen);
    this.body.style.height = Math.max(this.shown.length, 2) * Grid.ROW + "px";
    const room = Math.min(Math.max(this.shown.length, 4) * Grid.ROW + 36, Math.max(300, Math.round(innerHeight * .66)));
    this.root.style.height = room + "px";
    this.paint();
  }

  paint() {
    const first = Math.max(0, Math.floor((this.root.scrollTop - 40) / Grid.ROW) - 4);
    const last = Math.min(this.shown.length, first + Math.ceil(this.root.clientHeight / Grid.ROW) + 10);
    const made = document.createDocumentFragment();
    for (let place = first; place < last; place++) made.appendChild(this.row(place));
    if (!this.shown.length) element(made, "div", "Nothing matches.", {className: "none"});
    this.body.replaceChildren(made);
    if (this.active >= first && this.active < last) this.root.setAttribute("aria-activedescendant", `${this.root.id}-${this.active}`);
    else this.root.removeAttribute("aria-activedescendant");
  }

  row(place) {
    const item = this.shown[place];
    const row = element(null, "div", null, {className: place === this.active ? "row active" : "row", id: `${this.root.id}-${place}`});
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", place + 2);
    row.setAttribute("aria-selected", place === this.active);
    row.style.top = place * Grid.ROW + "px";
    for (const column of this.columns) {
      const cell = element(row, "div", null, {className: column.number ? "cell n" : "cell"});
      cell.setAttribute("role", "gridcell");
      if (column.paint) column.paint(cell, item);
      else cell.textContent = cell.title = column.text ? column.text(item) : column.value(item) ?? "";
    }
    row.addEventListener("click", () => { this.go(place); this.open(item); });
    return row;
  }

  go(place) {
    this.active = Math.max(0, Math.min(this.shown.length - 1, place));
    const top = this.active * Grid.ROW, head = this.head.offsetHeight;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + Grid.ROW + head > this.root.scrollTop + this.root.clientHeight)
      this.root.scrollTop = top + Grid.ROW + head - this.root.clientHeight;
    this.paint();
  }

  show(item) {
    const place = this.shown.indexOf(item);
    if (place >= 0) this.go(place);
    else { this.active = -1; this.paint(); }
  }

  key(event) {
    if (event.target !== this.root || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.root.clientHeight / Grid.ROW) - 2);
    const moves = {ArrowDown: this.active + 1, ArrowUp: Math.max(0, this.active - 1), PageDown: this.active + page,
      PageUp: this.active - page, Home: 0, End: this.shown.length - 1};
    if (event.key in moves && this.shown.length) this.go(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && this.active >= 0) this.open(this.shown[this.active], true);
    else if (event.key === "Escape" && this.close) this.close();
    else return;
    event.preventDefault();
  }
}

const detail = byId("detail");
const batchOf = job => batches[job.batch];
const nodeOf = job => job.node === null ? "" : data.nodes[job.node];

function tone(parent, category, text) {
  return element(parent, "span", text, {className: "tone " + category});
}

function filterBy(text) {
  byId("find").value = text;
  refilter();
  byId("jobs").scrollIntoView();
}

function factsOf(job, list) {
  const fact = (name, value) => {
    if (value === null || value === undefined || value === "") return;
    element(list, "dt", name);
    const place = element(list, "dd");
    if (value instanceof Node) place.appendChild(value);
    else place.textContent = value;
  };
  fact("exit code", job.code);
  fact("took", job.duration === null ? "" : `${told(job.duration)} of ${told(job.limit)} allowed`);
  fact("expected", `${told(job.expected)} (${SOURCES[job.source]})`);
  fact("started", job.started === null ? "" : `${new Date((data.start + job.started) * 1000).toLocaleString()}, ${told(job.started)} into the run`);
  fact("planned", `${told(job.plan[0])} into its batch${on(job.plan[1])}`);
  fact("ran on", nodeOf(job) + on(job.ids));
  fact("CPU time", told(job.cpu));
  fact("memory", job.max_rss === null ? "" : `${job.max_rss.toFixed(1)} MiB at most in one process`);
  fact("Slurm job", job.slurm);
  fact("batch", element(null, "button", batchOf(job).id, {className: "link", onclick: () => filterBy(batchOf(job).id)}));
  fact("file", job.file);
  fact("keywords", job.words);
  fact("id", job.id);
}

function on(ids) {
  const parts = Object.entries(ids).filter(([, names]) => names.length).map(([kind, names]) =>
    `${names.length === 1 ? kind.replace(/s$/, "") : kind} ${names.join(", ")}`);
  return parts.length ? ", " + parts.join(", ") : "";
}

function historyOf(job, parent) {
  if (!job.history.length) return;
  element(parent, "h3", "Run times");
  const ordered = [...job.history].sort((a, b) => a - b), middle = ordered[Math.floor((ordered.length - 1) / 2)];
  const most = ordered[ordered.length - 1] || 1, step = 18, height = 64;
  const svg = draw(parent, "svg", {width: 60 + step * job.history.length, height: height + 6, role: "img",
    "aria-label": `${job.history.length} runs, oldest first: ${job.history.map(told).join(", ")}`});
  job.history.forEach((seconds, place) => {
    const high = Math.max(2, seconds / most * height);
    const own = place === job.history.length - 1 && job.category === "PASS";
    draw(draw(svg, "rect", {class: own ? "now" : "old", x: place * step, y: height - high, width: step - 4, height: high, rx: 2}),
      "title", {}, `${told(seconds)}${own ? ", this run" : ""}`);
  });
  const level = height - middle / most * height, end = step * job.history.length;
  draw(svg, "line", {class: "middle", x1: 0, x2: end, y1: level, y2: level});
  draw(svg, "text", {x: end + 4, y: Math.max(10, level + 4)}, told(middle));
}

function environmentOf(job, parent) {
  const variables = data.environments[job.environment];
  const fold = element(parent, "details");
  element(fold, "summary", `Environment: ${variables.length} variables set by the job or by canary-wf`);
  const body = element(element(fold, "table"), "tbody");
  for (const [name, value] of variables) {
    const row = element(body, "tr");
    element(element(row, "td"), "code", name);
    element(element(row, "td"), "code", value.replaceAll("\0", job.folder));
  }
}

function open(job, move) {
  opened = job;
  const title = element(null, "h2", job.name, {tabIndex: -1});
  const top = element(null, "div", null, {className: "top"});
  top.appendChild(title);
  element(top, "button", "Close", {className: "plain", onclick: close}).setAttribute("aria-label", "Close the chosen job");
  const parts = document.createDocumentFragment();
  parts.appendChild(top);
  const line = element(parts, "p");
  tone(line, job.category, job.status);
  if (job.reason) line.append(`: ${job.reason}`);
  element(parts, "h3", "End of its output");
  if (job.output && job.output.length) element(parts, "pre", job.output.join("\n"), {tabIndex: 0});
  else element(parts, "p", job.output ? "It printed nothing." : job.started === null ? "It did not start." : "Not in this page, to keep it small.", {className: "dim"});
  if (job.started !== null) element(element(parts, "p", null, {className: "dim"}), "code", job.folder + "/canary-out.txt");
  factsOf(job, element(parts, "dl"));
  if (job.needs.length) {
    element(parts, "h3", "Depends on");
    for (const [place, when] of job.needs) {
      const other = element(parts, "p");
      element(other, "button", jobs[place].name, {className: "link", onclick: () => choose(jobs[place], true)});
      other.append(` ${when}, `);
      tone(other, jobs[place].category, jobs[place].status);
    }
  }
  historyOf(job, parts);
  environmentOf(job, element(parts, "h3").parentNode);
  detail.replaceChildren(parts);
  detail.hidden = false;
  byId("both").classList.add("open");
  detail.style.maxHeight = Math.max(byId("job-grid").offsetHeight, 420) + "px";
  detail.scrollTop = 0;
  history.replaceState(null, "", "#job-" + job.id);
  timeline.paint();
  if (move) title.focus();
}

let opened = null;
function close() {
  if (!opened) return;
  opened = null;
  detail.hidden = true;
  byId("both").classList.remove("open");
  history.replaceState(null, "", location.href.split("#")[0]);
  byId("job-grid").focus();
  timeline.paint();
}

function choose(job, move) {
  jobGrid.show(job);
  open(job, move);
}

detail.addEventListener("keydown", event => { if (event.key === "Escape") close(); });

const jobGrid = new Grid(byId("job-grid"), jobs, [
  {title: "status", width: "140px", least: 140, value: job => ORDER[job.category], paint: (cell, job) => tone(cell, job.category, job.status)},
  {title: "name", width: "minmax(220px, 3fr)", least: 220, value: job => job.name},
  {title: "file", width: "minmax(120px, 1.4fr)", least: 120, value: job => job.file},
  {title: "took", width: "84px", least: 84, number: true, value: job => job.duration, text: job => told(job.duration)},
  {title: "expected", width: "100px", least: 100, number: true, value: job => job.expected, text: job => told(job.expected)},
  {title: "node", width: "minmax(70px, .7fr)", least: 70, value: nodeOf},
  {title: "batch", width: "140px", least: 140, value: job => batchOf(job).id},
  {title: "reason", width: "minmax(140px, 2fr)", least: 140, value: job => job.reason},
], job => ORDER[job.category], open, close);

const hidden = new Set();
const text = jobs.map(job => [job.name, job.file, job.reason || "", job.words, job.status, nodeOf(job)].join("\n").toLowerCase());
function refilter() {
  const wanted = byId("find").value.trim().toLowerCase();
  const matches = job => !wanted || text[job.place].includes(wanted) || job.id.startsWith(wanted) || batchOf(job).id.startsWith(wanted);
  jobGrid.filter(job => !hidden.has(job.category) && matches(job));
  const all = jobGrid.shown.length === jobs.length;
  byId("found").textContent = all ? "" : `${jobGrid.shown.length} of ${jobs.length} jobs`;
}
byId("find").addEventListener("input", refilter);
byId("find").addEventListener("keydown", event => {
  if (event.key === "ArrowDown" || event.key === "Enter") { byId("job-grid").focus(); jobGrid.go(0); event.preventDefault(); }
});
for (const category of Object.keys(WORDS)) {
  const count = jobs.filter(job => job.category === category).length;
  if (!count) continue;
  const chip = element(byId("chips"), "button", null, {className: "chip " + category});
  element(chip, "i", null, {className: "dot"});
  chip.append(`${WORDS[category]} ${count}`);
  chip.setAttribute("aria-pressed", "true");
  chip.addEventListener("click", () => {
    if (hidden.has(category)) hidden.delete(category); else hidden.add(category);
    chip.setAttribute("aria-pressed", !hidden.has(category));
    refilter();
  });
}

// The run as it was: a lane for each id of each node, filled bars of what ran, outlines of what was planned.
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
    this.canvas.addEventListener("click", event => { const job = this.at(event); if (job) { this.current = job; choose(job, false); } });
  }

  lay() {
    const node = byId("node").value, lanes = new Map();
    const chosen = jobs.filter(job => job.node !== null && (node === "" || job.node === Number(node)));
    for (const job of chosen) for (const [kind, names] of Object.entries(job.ids)) for (const name of names.length ? names : [])
      lanes.set(`${job.node}\n${kind}\n${name}`, {node: job.node, kind, name, bars: [], plans: []});
    for (const job of chosen) if (!Object.values(job.ids).some(names => names.length))
      lanes.set(`${job.node}\n\n`, {node: job.node, kind: "", name: "no id", bars: [], plans: []});
    const rank = kind => kind === "cpus" ? 0 : kind === "gpus" ? 1 : 2;
    this.lanes = [...lanes.values()].sort((a, b) => a.node - b.node || rank(a.kind) - rank(b.kind) ||
      (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : a.name.length - b.name.length || (a.name < b.name ? -1 : 1)));
    const place = new Map(this.lanes.map((lane, number) => [`${lane.node}\n${lane.kind}\n${lane.kind ? lane.name : ""}`, number]));
    this.jobs = chosen.filter(job => job.started !== null).sort((a, b) => a.started - b.started || a.place - b.place);
    for (const job of this.jobs) {
      const where = Object.entries(job.ids).flatMap(([kind, names]) => names.map(name => `${job.node}\n${kind}\n${name}`));
      for (const key of where.length ? where : [`${job.node}\n\n`]) this.lanes[place.get(key)].bars.push(job);
      const runs = batchOf(job).runs.filter(run => run[0] <= job.started);
      const base = runs.length ? runs[runs.length - 1][0] : 0;
      for (const [kind, names] of Object.entries(job.plan[1])) for (const name of names) {
        const lane = this.lanes[place.get(`${job.node}\n${kind}\n${name}`)];
        if (lane) lane.plans.push([base + job.plan[0], job.expected, job]);
      }
    }
    this.row = this.lanes.length <= 24 ? 22 : this.lanes.length <= 80 ? 14 : 9;
    this.resize();
  }

  resize() {
    const width = this.root.clientWidth, height = Math.min(440, Timeline.TOP + this.row * this.lanes.length + 10);
    this.root.style.height = Math.max(height, 64) + 16 + "px";
    this.space.style.width = width * this.zoom + "px";
    this.space.style.height = Timeline.TOP + this.row * this.lanes.length + "px";
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
    const tones = Object.fromEntries(Object.keys(WORDS).map(category => [category, colour(category.toLowerCase())]));
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
      for (const job of bars) {
        const start = x(job.started), long = Math.max(1.5, (job.duration || 0) * scale - .75);
        if (start > width || start + long < LEFT) continue;
        pen.fillStyle = tones[job.category];
        pen.globalAlpha = opened && opened !== job ? .45 : 1;
        pen.fillRect(start, y(lane) + inset, long, row - 2 * inset);
        pen.globalAlpha = 1;
        if (job === this.current || job === opened) {
          pen.strokeStyle = colour("focus"); pen.lineWidth = 2;
          pen.strokeRect(start, y(lane) + inset, long, row - 2 * inset);
        }
        const room = Math.floor((long - 8) / 6);
        if (row >= 20 && room >= 4) {
          pen.fillStyle = colour("on");
          pen.fillText(job.name.length > room ? job.name.slice(0, room - 1) + "…" : job.name, start + 4, y(lane) + row / 2 + 4);
        }
      }
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

  grid(pen, colour, x, height) {
    const {LEFT, STEPS} = Timeline, wanted = 90 / this.scale;
    const step = STEPS.find(seconds => seconds >= wanted) || 86400 * Math.ceil(wanted / 86400);
    pen.fillStyle = colour("dim"); pen.strokeStyle = colour("line"); pen.lineWidth = 1; pen.textAlign = "center";
    const first = Math.max(0, Math.floor(this.root.scrollLeft / this.scale / step) * step);
    for (let at = first; at <= this.end && x(at) < this.root.clientWidth; at += step) {
      if (x(at) < LEFT - .5) continue;
      pen.beginPath(); pen.moveTo(x(at) + .5, 18); pen.lineTo(x(at) + .5, height); pen.stroke();
      pen.fillText(at ? told(at) : "0", x(at), 13);
    }
    pen.textAlign = "left";
  }

  names(pen, colour, first, last, y) {
    const {LEFT, TOP} = Timeline, every = Math.max(1, Math.ceil(12 / this.row));
    pen.save();
    pen.beginPath(); pen.rect(0, TOP, this.root.clientWidth, this.root.clientHeight); pen.clip();
    for (let lane = first; lane < last; lane++) {
      const {node, kind, name} = this.lanes[lane], before = this.lanes[lane - 1];
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
    return lane.bars.find(job => job.started - slack <= seconds && seconds <= job.started + Math.max(job.duration || 0, slack)) || null;
  }

  say(job) {
    if (!job) return;
    byId("told").textContent = `${job.name}: ${job.status}, ${told(job.duration)} from ${told(job.started)}` +
      `, ${nodeOf(job)}${on(job.ids)}; planned ${told(job.expected)} from ${told(job.plan[0])} into its batch`;
  }

  key(event) {
    const place = this.jobs.indexOf(this.current);
    const moves = {ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: this.jobs.length - 1};
    if (event.key in moves && this.jobs.length) this.reach(this.jobs[Math.max(0, Math.min(this.jobs.length - 1, moves[event.key]))]);
    else if ((event.key === "Enter" || event.key === " ") && this.current) choose(this.current, true);
    else if (event.key === "+" || event.key === "=") this.scaleBy(2);
    else if (event.key === "-") this.scaleBy(.5);
    else return;
    event.preventDefault();
  }

  reach(job) {
    this.current = job;
    const x = job.started * this.scale, view = this.root.clientWidth - Timeline.LEFT - 40;
    if (x < this.root.scrollLeft || x > this.root.scrollLeft + view) this.root.scrollLeft = x - view / 3;
    const lane = this.lanes.findIndex(each => each.bars.includes(job)) * this.row;
    if (lane < this.root.scrollTop || lane + 60 > this.root.scrollTop + this.root.clientHeight) this.root.scrollTop = lane - 60;
    this.say(job);
    this.paint();
  }
}

const used = new Set(jobs.map(job => job.node).filter(node => node !== null));
if (used.size !== 1) element(byId("node"), "option", used.size ? `all ${used.size} nodes` : "nothing ran yet", {value: ""});
for (const [number, name] of data.nodes.entries()) element(byId("node"), "option", name, {value: number});
const timeline = new Timeline(byId("time"));
byId("node").addEventListener("change", () => timeline.lay());
byId("planned").addEventListener("change", () => timeline.paint());
byId("in").addEventListener("click", () => timeline.scaleBy(2));
byId("out").addEventListener("click", () => timeline.scaleBy(.5));
byId("whole").addEventListener("click", () => { timeline.zoom = 1; timeline.resize(); });

const [ASKED, HELD, BUSY, GPU_ASKED, GPU_HELD] = ["cores_asked", "cores_held", "cores_busy", "gpus_asked", "gpus_held"];
const share = (part, whole) => whole > 0 ? part / whole : null;
const percent = value => value === null ? "" : Math.round(value * 100) + " %";
const spent = batch => batch.runs.reduce((sum, run) => sum + run[1], 0);
const startOf = batch => batch.runs.length ? batch.runs[0][0] : null;
const hours = value => value ? value < .01 ? value.toFixed(4) : value.toFixed(2) : "";
const lastEnd = Math.max(1e-9, timeline.end, ...batches.map(batch => batch.planned + batch.expected));
function paintTimes(cell, batch) {
  cell.classList.add("two");
  const bar = (from, long, top, colour) => {
    const mark = element(cell, "i");
    Object.assign(mark.style, {left: from / lastEnd * 100 + "%", width: `max(2px, ${long / lastEnd * 100}%)`, top, background: colour});
  };
  bar(batch.planned, batch.expected, "6px", "var(--plan)");
  for (const [from, long, , reason] of batch.runs) bar(from, long, "16px", reason === "complete" || reason === "runs" ? "var(--cpu)" : "var(--fail)");
  cell.title = `planned ${told(batch.expected)} from ${told(batch.planned)}; ` +
    (batch.runs.map(run => `${told(run[1])} from ${told(run[0])} on ${run[2]}, ${run[3]}`).join("; ") || "not run");
}
const batchGrid = new Grid(byId("batch-grid"), batches, [
  {title: "batch", width: "140px", least: 140, value: batch => batch.id},
  {title: "jobs", width: "76px", least: 76, number: true, value: batch => batch.jobs, text: batch => batch.done < batch.jobs ? `${batch.done}/${batch.jobs}` : batch.jobs},
  {title: "failed", width: "74px", least: 74, number: true, value: batch => batch.failed, paint: (cell, batch) => { if (batch.failed) tone(cell, "FAIL", batch.failed); }},
  {title: "asked for", width: "minmax(110px, 1fr)", least: 110, value: batch => batch.cpus * batch.nodes, text: batch =>
    `${batch.cpus} cpus${batch.gpus ? `, ${batch.gpus} gpus` : ""}${batch.nodes > 1 ? `, ${batch.nodes} nodes` : ""}`},
  {title: "planned above, ran below", width: "minmax(200px, 3fr)", least: 200, value: batch => startOf(batch), paint: paintTimes},
  {title: "expected", width: "100px", least: 100, number: true, value: batch => batch.expected, text: batch => told(batch.expected)},
  {title: "took", width: "84px", least: 84, number: true, value: batch => batch.runs.length ? spent(batch) : null, text: batch => batch.runs.length ? told(spent(batch)) : ""},
  {title: "runs", width: "66px", least: 66, number: true, value: batch => batch.runs.length},
  {title: "core-hours", width: "110px", least: 110, number: true, value: batch => batch.used[ASKED], text: batch => hours(batch.used[ASKED])},
  {title: "held", width: "72px", least: 72, number: true, value: batch => share(batch.used[HELD], batch.used[ASKED]), text: batch => percent(share(batch.used[HELD], batch.used[ASKED]))},
  {title: "busy", width: "72px", least: 72, number: true, value: batch => share(batch.used[BUSY], batch.used[ASKED]), text: batch => percent(share(batch.used[BUSY], batch.used[ASKED]))},
  {title: "GPU-hours", width: "108px", least: 108, number: true, value: batch => batch.used[GPU_ASKED], text: batch => hours(batch.used[GPU_ASKED])},
  {title: "held", width: "72px", least: 72, number: true, value: batch => share(batch.used[GPU_HELD], batch.used[GPU_ASKED]), text: batch => percent(share(batch.used[GPU_HELD], batch.used[GPU_ASKED]))},
], batch => batch.place, (batch, move) => { filterBy(batch.id); if (move) byId("job-grid").focus(); });

addEventListener("resize", () => { jobGrid.arrange(); batchGrid.arrange(); });
const asked = jobs.find(job => "#job-" + job.id === location.hash);
if (asked) choose(asked, false);
