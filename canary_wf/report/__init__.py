"""What a session came to, read from the plan and the state files alone: status, pages, and files for CI servers."""
