"""How a run is shown: `terminal` draws it in place, `log_lines` writes lines; `wording` and `lines` serve both."""
