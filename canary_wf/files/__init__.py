"""Files: written whole or not at all (`json_files`), read with care (`plain_files`), locked (`locks`)."""
