"""Views of a run in progress: `progress` reads it and estimates its end, `watch` shows it."""
