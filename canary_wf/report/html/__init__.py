"""Reports as self-contained HTML pages: `session_page` from `canary_wf.report.rows`, `plan_page` from a plan."""
