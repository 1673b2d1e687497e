// The details of the chosen job, beside or under the list; what they show is text, never markup.
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
  fact("took", job.duration === null ? "" : `${durationText(job.duration)} of its limit of ${durationText(job.limit)}` +
    (before === null ? "" : `; the run before took ${durationText(before)}`));
  fact("expected", `${durationText(job.expected)} (${SOURCES[job.source]})`);
  fact("started", job.started === null ? "" : `${clock(job.started)}, ${durationText(job.started)} into the run`);
  fact("planned", `${durationText(job.plan[0])} into its batch${on(job.plan[1])}`);
  fact("ran on", nodeOf(job) + on(job.ids));
  fact("CPU time", durationText(job.cpu));
  fact("memory", job.max_rss === null ? "" : `peak ${job.max_rss.toFixed(1)} MiB in one process`);
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
