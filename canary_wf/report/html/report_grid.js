// A table of which only the rows in sight exist, so that ten thousand are as quick as ten. A column is shown where the
// table is at least `from` pixels wide. In a narrow table a row has two lines, for the columns named in `areas`.
class Grid {
  static NARROW = 560;

  constructor(root, rows, columns, {order, areas, nothing, open, close, sorted}) {
    Object.assign(this, {root, rows, columns, order, areas, nothing, open, close, sorted});
    this.shown = rows; this.active = -1; this.down = false; this.keep = null; this.least = 4; this.most = null;
    this.head = element(root, "div", null, {className: "head"});
    this.head.setAttribute("role", "row");
    this.body = element(root, "div", null, {className: "body"});
    this.body.setAttribute("role", "rowgroup");
    root.addEventListener("scroll", () => this.paint());
    root.addEventListener("keydown", event => this.key(event));
    this.shape();
    this.arrange();
    new ResizeObserver(() => { if (this.shape()) this.size(); this.paint(); }).observe(root);
  }

  // Choose the columns for the width there is; return whether these are others than before.
  shape() {
    const width = this.root.clientWidth, narrow = width > 0 && width < Grid.NARROW, named = this.areas.join(" ").split(" ");
    const visible = this.columns.filter(column => narrow ? named.includes(column.id) : width >= (column.from || 0));
    const form = narrow + " " + visible.map(column => column.id);
    if (form === this.form) return false;
    Object.assign(this, {form, visible, row: narrow ? 56 : 30});
    this.root.classList.toggle("narrow", narrow);
    this.root.style.setProperty("--columns", narrow ? "minmax(0, 7.5em) minmax(0, 1fr) minmax(0, 5.5em)" : visible.map(column => column.width).join(" "));
    this.root.style.setProperty("--areas", narrow ? this.areas.map(line => `"${line}"`).join(" ") : "none");
    this.root.style.setProperty("--least", narrow ? "0" : visible.reduce((sum, column) => sum + column.least, 0) + "px");
    this.root.style.setProperty("--row", this.row + "px");
    this.root.setAttribute("aria-colcount", visible.length);
    this.head.replaceChildren();
    for (const column of visible) {
      const cell = element(this.head, "div", null, {className: column.number ? "n" : ""});
      cell.setAttribute("role", "columnheader");
      if (narrow) cell.style.gridArea = column.id;
      element(cell, "button", column.title, {onclick: () => this.sort(column), title: "Sort by " + column.title});
    }
    this.say();
    return true;
  }

  sort(column) {
    this.down = this.order === column ? !this.down : false;
    this.order = column;
    this.arrange();
    if (this.sorted) this.sorted();
  }

  // How the order is told in an address: a column's name, and a minus before it where it goes down.
  get orderName() { return (this.down ? "-" : "") + this.order.id; }

  set orderName(name) {
    const column = this.columns.find(each => each.id === name.replace(/^-/, ""));
    if (column) { this.order = column; this.down = name.startsWith("-"); }
  }

  say() {
    this.visible.forEach((column, place) => this.head.children[place].setAttribute(
      "aria-sort", column !== this.order ? "none" : this.down ? "descending" : "ascending"));
  }

  filter(keep) { this.keep = keep; this.arrange(); }

  arrange() {
    const chosen = this.shown[this.active], value = this.order.value, sign = this.down ? -1 : 1;
    this.shown = this.keep ? this.rows.filter(this.keep) : [...this.rows];
    const keys = new Map(this.shown.map(row => [row, value(row)]));
    const missing = key => key === null || key === undefined || key === "";
    this.shown.sort((one, other) => {
      const a = keys.get(one), b = keys.get(other);
      if (missing(a) || missing(b)) return missing(a) - missing(b) || one.place - other.place;
      return sign * (typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0) || one.place - other.place;
    });
    this.say();
    this.root.setAttribute("aria-rowcount", this.shown.length + 1);
    this.active = chosen === undefined ? -1 : this.shown.indexOf(chosen);
    this.size();
    this.paint();
  }

  size() {
    this.body.style.height = Math.max(this.shown.length, 2) * this.row + "px";
    const wanted = Math.max(this.shown.length, this.least) * this.row + this.head.offsetHeight + 2;
    this.root.style.height = Math.min(wanted, this.most || Math.max(300, Math.round(innerHeight * .66))) + "px";
  }

  paint() {
    const first = Math.max(0, Math.floor((this.root.scrollTop - 40) / this.row) - 4);
    const last = Math.min(this.shown.length, first + Math.ceil(this.root.clientHeight / this.row) + 10);
    const made = document.createDocumentFragment();
    for (let place = first; place < last; place++) made.appendChild(this.line(place));
    if (!this.shown.length) {
      const row = element(made, "div", null, {className: "none"});
      row.setAttribute("role", "row");
      element(row, "div", this.nothing).setAttribute("role", "gridcell");
    }
    this.body.replaceChildren(made);
    if (this.active >= first && this.active < last) this.root.setAttribute("aria-activedescendant", `${this.root.id}-${this.active}`);
    else this.root.removeAttribute("aria-activedescendant");
  }

  line(place) {
    const item = this.shown[place];
    const row = element(null, "div", null, {className: place === this.active ? "row active" : "row", id: `${this.root.id}-${place}`});
    row.setAttribute("role", "row");
    row.setAttribute("aria-rowindex", place + 2);
    row.setAttribute("aria-selected", place === this.active);
    row.style.top = place * this.row + "px";
    for (const column of this.visible) {
      const cell = element(row, "div", null, {className: `cell ${column.id}${column.number ? " n" : ""}`});
      cell.setAttribute("role", "gridcell");
      if (this.row > 30) cell.style.gridArea = column.id;
      fill(cell, column, item);
    }
    row.addEventListener("click", () => { this.go(place); this.open(item); });
    return row;
  }

  go(place) {
    this.active = Math.max(0, Math.min(this.shown.length - 1, place));
    const top = this.active * this.row, head = this.head.offsetHeight;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top + this.row + head > this.root.scrollTop + this.root.clientHeight)
      this.root.scrollTop = top + this.row + head - this.root.clientHeight;
    this.paint();
  }

  show(item) {
    const place = this.shown.indexOf(item);
    if (place >= 0) this.go(place);
    else { this.active = -1; this.paint(); }
  }

  key(event) {
    if (event.target !== this.root || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.root.clientHeight / this.row) - 2);
    const moves = {ArrowDown: this.active + 1, ArrowUp: Math.max(0, this.active - 1), PageDown: this.active + page,
      PageUp: this.active - page, Home: 0, End: this.shown.length - 1};
    if (event.key in moves && this.shown.length) this.go(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && this.active >= 0) this.open(this.shown[this.active], true);
    else if (event.key === "Escape" && this.close) this.close();
    else return;
    event.preventDefault();
  }
}

function fill(cell, column, item) {
  if (column.paint) column.paint(cell, item);
  else cell.textContent = cell.title = column.text ? column.text(item) : column.value(item) ?? "";
}
