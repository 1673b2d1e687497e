"""Views of a session, read from the plan and the state files alone: status, pages, and files for CI servers.

`session` reads a session; `formats`, `html` and `live` show it.
"""
