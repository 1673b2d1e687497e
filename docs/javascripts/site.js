/* What the theme leaves out for readers without a mouse: code and tables that scroll can be reached by Tab, the buttons of
   a block of code are no landmark of the page, and the search has a name. */
const SCROLLING = "pre > code, .md-typeset__scrollwrap";

function reachable(box) {
  if (box.scrollWidth > box.clientWidth && box.tabIndex !== 0) box.tabIndex = 0;
}

function mend(root) {
  for (const buttons of root.querySelectorAll("nav.md-code__nav:not([role])")) buttons.setAttribute("role", "none");
  for (const box of root.querySelectorAll(SCROLLING)) reachable(box);
}

new MutationObserver(changes => {
  for (const {target, type} of changes) {
    if (type === "childList") mend(target);
    else if (target.matches(SCROLLING)) reachable(target);
  }
}).observe(document.body, {subtree: true, childList: true, attributeFilter: ["tabindex"]});
addEventListener("resize", () => mend(document.body));
document.querySelector(".md-search").setAttribute("aria-label", "Search");
mend(document.body);
