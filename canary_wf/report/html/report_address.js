// What the page shows stands in its address, "#job-ID&show=failed,flaky&find=mesh&sort=-took", so that it can be sent
// to others and the back button works.
const parts = () => {
  const found = {show: "", find: "", sort: "status", job: ""};
  for (const part of location.hash.slice(1).split("&")) {
    const [, name, value] = part.match(/^(show|find|sort)=(.*)$/) || [];
    if (name) { try { found[name] = decodeURIComponent(value); } catch { /* not ours */ } }
    else if (part.startsWith("job-")) found.job = part.slice(4).toLowerCase();
  }
  return found;
};

// The first digits of each job's id that no other job's id begins with, as commands take them too: eight or more.
const shortIds = new Map();
function shortId(job) {
  if (!shortIds.has(job)) shortIds.set(job, uniqueStart(job));
  return shortIds.get(job);
}

function uniqueStart(job) {
  for (let length = 8; length < job.id.length; length++) {
    const start = job.id.slice(0, length);
    if (jobs.every(other => other === job || !other.id.startsWith(start))) return start;
  }
  return job.id;
}

function addressOf() {
  const said = [];
  if (opened) said.push("job-" + shortId(opened));
  if (chosen.size) said.push("show=" + FILTERS.filter(each => chosen.has(each.name)).map(each => each.name).join(","));
  if (wanted()) said.push("find=" + encodeURIComponent(wanted()));
  if (jobGrid.orderName !== "status") said.push("sort=" + jobGrid.orderName);
  return said.length ? "#" + said.join("&") : location.href.split("#")[0];
}

let restoring = false;
function keepAddress(isNew) {
  const address = addressOf();
  if (restoring || address === location.hash || address === location.href) return;
  try { history[isNew ? "pushState" : "replaceState"](null, "", address); } catch { /* a frame may forbid it */ }
}

function restore() {
  const said = parts(), known = new Set(FILTERS.map(each => each.name));
  restoring = true;
  chosen.clear();
  for (const name of said.show.split(",")) if (known.has(name)) chosen.add(name);
  byId("find").value = said.find;
  jobGrid.orderName = said.sort;
  refilter();
  const found = said.job.length >= 4 ? jobs.filter(job => job.id.startsWith(said.job) || said.job.startsWith(job.id)) : [];
  if (found.length === 1) { if (opened !== found[0]) choose(found[0], false); }
  else if (opened) close(false);
  restoring = false;
  if (said.job && found.length !== 1)
    byId("found").textContent = `${found.length ? "Several jobs have" : "No job has"} an id that begins with ${said.job}`;
}

// Links within the page scroll, and leave the address to what is shown.
for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", event => {
  event.preventDefault();
  const title = document.querySelector(link.getAttribute("href"));
  title.scrollIntoView();
  title.focus({preventScroll: true});
});
addEventListener("popstate", restore);
addEventListener("hashchange", restore);
