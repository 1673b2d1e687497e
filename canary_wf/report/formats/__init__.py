"""Reports as files for other programs: JUnit, CDash, Markdown, GitHub annotations. `registry` lists them by name."""
