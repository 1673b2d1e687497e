"""What a session came to, read from the plan and the state files alone: status, JSON, JUnit and Markdown."""
