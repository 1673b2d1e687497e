"""What tests of `run` start in place of Snakemake: it runs the batches of the newest session one after the other.

It reads the request as the real child does. With options it says something instead, and ends with that exit code:
``--say TEXT --end CODE``. Results that are named are its targets.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

COMMAND = (sys.executable, __file__)


def main() -> int:
    """Carry out the request."""
    line = sys.stdin.readline()
    if not line:
        return 0
    request = json.loads(line)
    words = request["arguments"]
    os.chdir(request["folder"])
    if request["text"] is not None:
        file = os.open(request["text"], os.O_WRONLY | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
    sys.stdout.write(f"profile {words[1]}\n")
    if "--say" in words:
        sys.stdout.write(words[words.index("--say") + 1] + "\n")
    sys.stdout.flush()
    if "--end" in words:
        return int(words[words.index("--end") + 1])
    session = max(Path(".canary-wf", "sessions").iterdir())
    plan = json.loads((session / "plan.json").read_text())
    targets = [word.split("/")[-2] for word in words if word.endswith("/result.json")]
    for batch in plan["batches"]:
        if targets and batch["id"] not in targets:
            continue
        if not (session / "batches" / batch["id"] / "result.json").exists():
            command = [sys.executable, "-m", "canary_wf", "run-batch", batch["id"], "--plan", session / "plan.json"]
            subprocess.run(command, check=False)
    if targets:
        return 0
    (session / "report").mkdir(exist_ok=True)
    (session / "report" / "report.json").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
