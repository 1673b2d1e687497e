"""Views of a run that is still going on: `progress` reads it, `forecast` says when it ends, `watch` shows it."""
