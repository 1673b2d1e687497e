"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const named = (fields, row) => Object.fromEntries(fields.map((field, place) => [field, row[place]]));
const jobs = data.jobs.map((row, place) => Object.assign(named(data.job_fields, row), {place}));
for (const job of jobs) job.earlier = job.earlier.map(row => named(data.earlier_fields, row));
const batches = data.batches.map((row, place) => Object.assign(named(data.batch_fields, row), {place}));
const TONES = ["PASS", "FAIL", "CANCEL", "SKIP", "NONE"];
const SOURCES = {history: "from history", declared: "declared", default: "a quarter of its limit"};
const ORDER = {FAIL: 0, CANCEL: 1, NONE: 2, SKIP: 3, PASS: 4};
const byId = id => document.getElementById(id);
const isFailed = job => job.category === "FAIL" || job.category === "CANCEL";
const runs = job => job.category === "NONE" && job.started !== null;
const FILTERS = [
  {name: "failed", tone: "FAIL", keeps: job => job.category === "FAIL"},
  {name: "cancelled", tone: "CANCEL", keeps: job => job.category === "CANCEL"},
  {name: "running", tone: "NONE", keeps: runs},
  {name: "not-run", tone: "NONE", keeps: job => job.category === "NONE" && !runs(job)},
  {name: "skipped", tone: "SKIP", keeps: job => job.category === "SKIP"},
  {name: "passed", tone: "PASS", keeps: job => job.category === "PASS"},
  {name: "flaky", says: "passed after a failed attempt", keeps: job => job.marks.includes("f")},
  {name: "slower", says: "took clearly longer than the run before", keeps: job => job.marks.includes("s")},
  {name: "slow", says: "ran much longer than usual, or more than half of the time limit", keeps: job => job.marks.includes("l")},
];

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
  keepAddress(true);
  byId("jobs").scrollIntoView();
}

async function copyText(text) {
  try { await navigator.clipboard.writeText(text); }
  catch {  // pages that came by plain HTTP, and those in frames, have no clipboard of their own
    const field = element(document.body, "textarea", text, {value: text, className: "unseen"});
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

function copyButton(parent, text, shown) {
  const button = element(parent, "button", null, {className: "plain copy", title: "Copy " + text});
  element(button, "code", shown || text);
  button.setAttribute("aria-label", "Copy " + (shown || text));
  button.addEventListener("click", async () => {
    await copyText(text);
    byId("copied").textContent = "Copied: " + (shown || text);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
    button.focus();
  });
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
  const before = job.marks.includes("s") ? job.history[job.history.length - (job.category === "PASS" ? 2 : 1)] : null;
  fact("took", job.duration === null ? "" : `${durationText(job.duration)} of ${durationText(job.limit)} allowed` +
    (before === null ? "" : `; the run before took ${durationText(before)}`));
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
  element(parent, "h3", job.marks.includes("f") ? "Flaky: earlier attempts" : "Earlier attempts");
  job.earlier.forEach((run, place) => {
    const fold = element(parent, "details", null, {open: place === job.earlier.length - 1}), line = element(fold, "summary", `${place + 1}. `);
    tone(line, run.category, run.status);
    line.append(`${run.reason ? ": " + run.reason : ""}` + (run.started === null ? "" : `, ${durationText(run.duration)} from ${durationText(run.started)}`));
    if (run.output && run.output.length) element(fold, "pre", run.output.join("\n"), {tabIndex: 0});
    else element(fold, "p", run.output ? "It printed nothing." : "Not in this page, to keep it small.", {className: "dim"});
  });
}

function artifactsOf(job, parent) {
  if (!job.artifacts.length) return;
  element(parent, "h3", "Artifacts");
  for (const [name, size] of job.artifacts) {
    const line = element(parent, "p");
    if (size === null) line.textContent = `${name}: not there`;
    else {
      copyButton(line, `${job.folder}/${name}`, name);
      element(line, "span", ` ${sizeText(size)}`, {className: "dim"});
    }
  }
}

function sizeText(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let place = 0;
  for (; bytes >= 1024 && place < 4; place++) bytes /= 1024;
  return `${Number(bytes.toPrecision(3))} ${units[place]}`;
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

function commandsOf(job, parent) {
  const whole = element(parent, "div", null, {className: "copying"}), id = shortId(job);
  element(whole, "h3", "Copy");
  const list = element(whole, "div", null, {className: "tools"});
  for (const command of detail.dataset.commands.split("\n").filter(Boolean))
    if (job.started !== null || !/ (log|rerun) /.test(command)) copyButton(list, command.replace("ID", id));
  if (job.started !== null) copyButton(list, job.folder + "/canary-out.txt", "path of the output");
  copyButton(list, location.href.split("#")[0] + "#job-" + id, "link to this job");
}

function open(job, move) {
  opened = job;
  const title = element(null, "h2", job.name, {tabIndex: -1});
  const top = element(null, "div", null, {className: "top"});
  top.appendChild(title);
  element(top, "button", "Close", {className: "plain", onclick: () => close()}).setAttribute("aria-label", "Close the chosen job");
  const parts = document.createDocumentFragment();
  parts.appendChild(top);
  const line = element(parts, "p");
  tone(line, job.category, job.status);
  if (job.reason) line.append(`: ${job.reason}`);
  element(parts, "h3", "End of its output");
  if (job.output && job.output.length) element(parts, "pre", job.output.join("\n"), {tabIndex: 0});
  else element(parts, "p", job.output ? "It printed nothing." : job.started === null ? "It did not start." : "Not in this page, to keep it small.", {className: "dim"});
  if (job.started !== null) element(element(parts, "p", null, {className: "dim"}), "code", job.folder + "/canary-out.txt");
  commandsOf(job, parts);
  artifactsOf(job, parts);
  earlierOf(job, parts);
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
  environmentOf(job, parts);
  detail.replaceChildren(parts);
  detail.hidden = false;
  byId("both").classList.add("open");
  besideRow(job);
  detail.scrollTop = 0;
  keepAddress(true);
  timeline.paint();
  if (move) title.focus({preventScroll: true});
}

// On a narrow screen the details stand under the list, which then is a few rows high, so that both are to be seen.
const narrow = matchMedia("(max-width: 1000px)");
function besideRow(job) {
  jobGrid.most = opened && narrow.matches ? 4 * jobGrid.row + jobGrid.head.offsetHeight : null;
  jobGrid.size();
  detail.style.maxHeight = narrow.matches ? "" : Math.max(byId("job-grid").offsetHeight, 420) + "px";
  if (!opened) return;
  jobGrid.show(job);
  const box = detail.getBoundingClientRect();
  if (narrow.matches && (box.top > innerHeight / 2 || box.top < 0)) byId("both").scrollIntoView();
}
narrow.addEventListener("change", () => besideRow(opened));

let opened = null;
function close(focus = true) {
  if (!opened) return;
  opened = null;
  detail.hidden = true;
  byId("both").classList.remove("open");
  besideRow(null);
  keepAddress(true);
  if (focus) byId("job-grid").focus({preventScroll: true});
  timeline.paint();
}

function choose(job, move) {
  jobGrid.show(job);
  open(job, move);
}

detail.addEventListener("keydown", event => { if (event.key === "Escape") close(); });

function paintStatus(cell, job) {
  tone(cell, job.category, job.status.replace(/ \(.*/, ""));
  const times = job.earlier.length + (job.started === null ? 0 : 1);
  if (job.earlier.length) element(cell, "span", ` ×${times}`, {className: "dim"});
  cell.title = job.status;
}

const nodesUsed = new Set(jobs.map(job => job.node).filter(node => node !== null)).size;
const jobColumns = [
  {id: "status", title: "status", width: "136px", least: 136, value: job => ORDER[job.category], paint: paintStatus},
  {id: "name", title: "name", width: "minmax(180px, 3fr)", least: 180, value: job => job.name},
  {id: "reason", title: "reason", width: "minmax(180px, 4fr)", least: 180, value: job => job.reason},
  {id: "below", title: "reason", from: Infinity, value: job => job.reason, text: job => job.reason || job.file},
  {id: "took", title: "took", width: "80px", least: 80, number: true, value: job => job.duration, text: job => durationText(job.duration)},
  {id: "expected", title: "expected", from: 1000, width: "96px", least: 96, number: true, value: job => job.expected, text: job => durationText(job.expected)},
  {id: "file", title: "file", from: 760, width: "minmax(150px, 1.6fr)", least: 150, value: job => job.file},
  {id: "node", title: "node", from: nodesUsed > 1 ? 1000 : Infinity, width: "minmax(80px, .7fr)", least: 80, value: nodeOf},
  {id: "batch", title: "batch", from: 1300, width: "128px", least: 128, value: job => batchOf(job).id},
];
const jobGrid = new Grid(byId("job-grid"), jobs, jobColumns, {
  order: jobColumns[0], areas: ["status name took", "below below below"], nothing: "Nothing matches.", open, close,
  sorted: () => keepAddress(true),
});

const chosen = new Set(), chips = new Map();
const wanted = () => byId("find").value.trim();
const text = jobs.map(job => [job.name, job.file, job.reason || "", job.words, job.status, nodeOf(job)].join("\n").toLowerCase());
const wordsOf = filter => filter.name.replace("-", " ");

// Each chip that is pressed adds its jobs; with none, there are all.
function refilter() {
  const find = wanted().toLowerCase(), adding = FILTERS.filter(filter => chosen.has(filter.name));
  const matches = job => !find || text[job.place].includes(find) || job.id.startsWith(find) || batchOf(job).id.startsWith(find);
  jobGrid.filter(adding.length || find ? job => (!adding.length || adding.some(filter => filter.keeps(job))) && matches(job) : null);
  for (const [name, chip] of chips) chip.setAttribute("aria-pressed", name === "all" ? !chosen.size : chosen.has(name));
  byId("found").textContent = filterText() ? `${jobGrid.shown.length} of ${jobs.length} jobs: ${filterText()}` : "";
}

function filterText() {
  const adding = FILTERS.filter(filter => chosen.has(filter.name)).map(wordsOf).join(" or ");
  return [adding, wanted() ? `with “${wanted()}”` : ""].filter(part => part).join(", ");
}

let typed = 0;
byId("find").addEventListener("input", () => {
  refilter();
  clearTimeout(typed);
  typed = setTimeout(() => keepAddress(!parts().find), 300);
});
byId("find").addEventListener("keydown", event => {
  if (event.key === "ArrowDown" || event.key === "Enter") { byId("job-grid").focus(); jobGrid.go(0); event.preventDefault(); }
});

function addChip(name, words, count, tone, says, press) {
  const chip = element(byId("chips"), "button", null, {className: "chip " + (tone || ""), title: says || ""});
  if (tone) element(chip, "i", null, {className: "dot"});
  chip.append(`${words} ${count}`);
  chip.addEventListener("click", () => { press(); refilter(); keepAddress(true); });
  chips.set(name, chip);
}
addChip("all", "all", jobs.length, "", "Show all jobs", () => chosen.clear());
for (const filter of FILTERS) {
  const count = jobs.reduce((sum, job) => sum + filter.keeps(job), 0);
  if (count) addChip(filter.name, wordsOf(filter), count, filter.tone, filter.says || `Show jobs that are ${wordsOf(filter)}`, () => {
    if (!chosen.delete(filter.name)) chosen.add(filter.name);
  });
}
chips.get("all").setAttribute("aria-pressed", true);
for (const [name, chip] of chips) if (name !== "all") chip.setAttribute("aria-pressed", false);

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
const part = (id, title, from, some, whole) => ({id, title, from, width: "68px", least: 68, number: true,
  value: batch => share(batch.used[some], batch.used[whole]), text: batch => percent(share(batch.used[some], batch.used[whole]))});
const gpuColumns = [
  {id: "gpuhours", title: "GPU-hours", from: 1200, width: "106px", least: 106, number: true, value: batch => batch.used[GPU_ASKED], text: batch => hours(batch.used[GPU_ASKED])},
  part("gpuheld", "held", 1200, GPU_HELD, GPU_ASKED),
];
const batchColumns = [
  {id: "batch", title: "batch", width: "128px", least: 128, value: batch => batch.id},
  {id: "jobs", title: "jobs", width: "64px", least: 64, number: true, value: batch => batch.jobs, text: batch => batch.done < batch.jobs ? `${batch.done}/${batch.jobs}` : batch.jobs},
  {id: "failed", title: "failed", width: "72px", least: 72, number: true, value: batch => batch.failed, paint: (cell, batch) => { if (batch.failed) tone(cell, "FAIL", batch.failed); }},
  {id: "asked", title: "asked for", width: "minmax(130px, 1fr)", least: 130, value: batch => batch.cpus * batch.nodes, text: batch =>
    [[batch.cpus, "cpu"], [batch.gpus, "gpu"], [batch.nodes > 1 ? batch.nodes : 0, "node"]].filter(([number]) => number)
      .map(([number, one]) => `${number} ${one}${number > 1 ? "s" : ""}`).join(", ")},
  {id: "times", title: "plan above, run below", width: "minmax(190px, 3fr)", least: 190, value: batch => startOf(batch), paint: paintTimes},
  {id: "expected", title: "expected", from: 760, width: "96px", least: 96, number: true, value: batch => batch.expected, text: batch => durationText(batch.expected)},
  {id: "took", title: "took", width: "80px", least: 80, number: true, value: batch => batch.runs.length ? spent(batch) : null, text: batch => batch.runs.length ? durationText(spent(batch)) : ""},
  {id: "runs", title: "runs", from: 1280, width: "62px", least: 62, number: true, value: batch => batch.runs.length},
  {id: "hours", title: "core-hours", from: 860, width: "108px", least: 108, number: true, value: batch => batch.used[ASKED], text: batch => hours(batch.used[ASKED])},
  part("held", "held", 1000, HELD, ASKED),
  part("busy", "busy", 1000, BUSY, ASKED),
  ...(batches.some(batch => batch.gpus) ? gpuColumns : []),
];
const batchGrid = new Grid(byId("batch-grid"), batches, batchColumns, {
  order: {id: "", value: batch => batch.place}, areas: ["batch asked took", "times times failed"], nothing: "There are none.",
  open: (batch, move) => { filterBy(batch.id); if (move) byId("job-grid").focus(); },
});

{% include "report_address.js" %}

{% include "report_print.js" %}

addEventListener("resize", () => { jobGrid.arrange(); batchGrid.arrange(); });
if (location.hash) restore();
