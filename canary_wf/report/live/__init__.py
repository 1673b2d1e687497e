"""Views of a run in progress: `follow` shows it until it is over, `snapshot` is what there is to show at a moment."""
