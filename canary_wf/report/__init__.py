"""What a session came to, read from the plan and the state files alone: status, pages, and files for CI servers.

`session` reads a session once, `session_follower` again and again; `formats`, `html` and `live` show it.
"""
