"""Files: written whole or not at all (`json_files`), read defensively (`plain_files`), locked (`locks`)."""
