"""Reports as files for other programs: JUnit, CDash, Markdown, annotations of GitHub. `registry` has them by name."""
