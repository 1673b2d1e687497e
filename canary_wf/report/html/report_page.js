"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const named = (fields, row) => Object.fromEntries(fields.map((field, place) => [field, row[place]]));
const jobs = data.jobs.map((row, place) => Object.assign(named(data.job_fields, row), {place}));
for (const job of jobs) job.earlier = job.earlier.map(row => named(data.earlier_fields, row));
const batches = data.batches.map((row, place) => Object.assign(named(data.batch_fields, row), {place}));
const WORDS = {PASS: "passed", FAIL: "failed", CANCEL: "cancelled", SKIP: "skipped", NONE: "not run"};
const SOURCES = {history: "from history", declared: "declared", default: "a quarter of its limit"};
const ORDER = {FAIL: 0, CANCEL: 1, NONE: 2, SKIP: 3, PASS: 4};
const byId = id => document.getElementById(id);

function durationText(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 0) return "-" + durationText(-seconds);
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

{% include "report_grid.js" %}

{% include "report_timeline.js" %}

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
  fact("code", job.code);
  fact("took", job.duration === null ? "" : `${durationText(job.duration)} of ${durationText(job.limit)} allowed`);
  fact("expected", `${durationText(job.expected)} (${SOURCES[job.source]})`);
  fact("started", job.started === null ? "" : `${clock(job.started)}, ${durationText(job.started)} into the run`);
  fact("planned", `${durationText(job.plan[0])} into its batch${on(job.plan[1])}`);
  fact("ran on", nodeOf(job) + on(job.ids));
  fact("CPU time", durationText(job.cpu));
  fact("memory", job.max_rss === null ? "" : `${job.max_rss.toFixed(1)} MiB at most in one process`);
  fact("Slurm job", job.slurm);
  fact("batch", element(null, "button", batchOf(job).id, {className: "link", onclick: () => filterBy(batchOf(job).id)}));
  fact("file", job.file);
  fact("keywords", job.words);
  fact("id", job.id);
}

function clock(seconds) {
  return new Date((data.start + seconds) * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC";
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
    "aria-label": `${job.history.length} runs, oldest first: ${job.history.map(durationText).join(", ")}`});
  job.history.forEach((seconds, place) => {
    const high = Math.max(2, seconds / most * height);
    const own = place === job.history.length - 1 && job.category === "PASS";
    draw(draw(svg, "rect", {class: own ? "now" : "old", x: place * step, y: height - high, width: step - 4, height: high, rx: 2}),
      "title", {}, `${durationText(seconds)}${own ? ", this run" : ""}`);
  });
  const level = height - middle / most * height, end = step * job.history.length;
  draw(svg, "line", {class: "middle", x1: 0, x2: end, y1: level, y2: level});
  draw(svg, "text", {x: end + 4, y: Math.max(10, level + 4)}, durationText(middle));
}

function earlierOf(job, parent) {
  if (!job.earlier.length) return;
  element(parent, "h3", "Earlier runs");
  job.earlier.forEach((run, place) => {
    const fold = element(parent, "details"), line = element(fold, "summary", `${place + 1}. `);
    tone(line, run.category, run.status);
    line.append(`${run.reason ? ": " + run.reason : ""}` + (run.started === null ? "" : `, ${durationText(run.duration)} from ${durationText(run.started)}`));
    if (run.output && run.output.length) element(fold, "pre", run.output.join("\n"), {tabIndex: 0});
    else element(fold, "p", run.output ? "It printed nothing." : "Not in this page, to keep it small.", {className: "dim"});
  });
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
  earlierOf(job, parts);
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

function paintStatus(cell, job) {
  tone(cell, job.category, job.status.replace(/ \(.*/, ""));
  const runs = job.earlier.length + (job.started === null ? 0 : 1);
  if (job.earlier.length) element(cell, "span", ` ×${runs}`, {className: "dim"});
  cell.title = job.status;
}

const jobGrid = new Grid(byId("job-grid"), jobs, [
  {title: "status", width: "140px", least: 140, value: job => ORDER[job.category], paint: paintStatus},
  {title: "name", width: "minmax(220px, 3fr)", least: 220, value: job => job.name},
  {title: "file", width: "minmax(120px, 1.4fr)", least: 120, value: job => job.file},
  {title: "took", width: "84px", least: 84, number: true, value: job => job.duration, text: job => durationText(job.duration)},
  {title: "expected", width: "100px", least: 100, number: true, value: job => job.expected, text: job => durationText(job.expected)},
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
  for (const [from] of batch.submitted) {
    const begun = batch.runs.find(run => run[0] >= from);
    bar(from, (begun ? begun[0] : lastEnd) - from, "19px", "var(--dim)");
    cell.lastChild.classList.add("wait");
  }
  for (const [from, long, , reason] of batch.runs) bar(from, long, "16px", reason === "complete" || reason === "runs" ? "var(--cpu)" : "var(--fail)");
  cell.title = `planned ${durationText(batch.expected)} from ${durationText(batch.planned)}; ` +
    batch.submitted.map(([from, id]) => `submitted at ${durationText(from)}${id ? ` as ${id}` : ""}; `).join("") +
    (batch.runs.map(run => `${durationText(run[1])} from ${durationText(run[0])} on ${run[2]}, ${run[3]}`).join("; ") || "not run");
}
const gpuColumns = [
  {title: "GPU-hours", width: "108px", least: 108, number: true, value: batch => batch.used[GPU_ASKED], text: batch => hours(batch.used[GPU_ASKED])},
  {title: "held", width: "72px", least: 72, number: true, value: batch => share(batch.used[GPU_HELD], batch.used[GPU_ASKED]), text: batch => percent(share(batch.used[GPU_HELD], batch.used[GPU_ASKED]))},
];
const batchGrid = new Grid(byId("batch-grid"), batches, [
  {title: "batch", width: "140px", least: 140, value: batch => batch.id},
  {title: "jobs", width: "76px", least: 76, number: true, value: batch => batch.jobs, text: batch => batch.done < batch.jobs ? `${batch.done}/${batch.jobs}` : batch.jobs},
  {title: "failed", width: "74px", least: 74, number: true, value: batch => batch.failed, paint: (cell, batch) => { if (batch.failed) tone(cell, "FAIL", batch.failed); }},
  {title: "asked for", width: "minmax(140px, 1fr)", least: 140, value: batch => batch.cpus * batch.nodes, text: batch =>
    `${batch.cpus} cpus${batch.gpus ? `, ${batch.gpus} gpus` : ""}${batch.nodes > 1 ? `, ${batch.nodes} nodes` : ""}`},
  {title: "planned above, ran below", width: "minmax(240px, 3fr)", least: 240, value: batch => startOf(batch), paint: paintTimes},
  {title: "expected", width: "100px", least: 100, number: true, value: batch => batch.expected, text: batch => durationText(batch.expected)},
  {title: "took", width: "84px", least: 84, number: true, value: batch => batch.runs.length ? spent(batch) : null, text: batch => batch.runs.length ? durationText(spent(batch)) : ""},
  {title: "runs", width: "66px", least: 66, number: true, value: batch => batch.runs.length},
  {title: "core-hours", width: "110px", least: 110, number: true, value: batch => batch.used[ASKED], text: batch => hours(batch.used[ASKED])},
  {title: "held", width: "72px", least: 72, number: true, value: batch => share(batch.used[HELD], batch.used[ASKED]), text: batch => percent(share(batch.used[HELD], batch.used[ASKED]))},
  {title: "busy", width: "72px", least: 72, number: true, value: batch => share(batch.used[BUSY], batch.used[ASKED]), text: batch => percent(share(batch.used[BUSY], batch.used[ASKED]))},
  ...(batches.some(batch => batch.gpus) ? gpuColumns : []),
], batch => batch.place, (batch, move) => { filterBy(batch.id); if (move) byId("job-grid").focus(); });

addEventListener("resize", () => { jobGrid.arrange(); batchGrid.arrange(); });
const asked = jobs.find(job => "#job-" + job.id === location.hash);
if (asked) choose(asked, false);
