"""What tests start in place of `snakemake`: it hands its run over to `snakemake_server`, and ends as the run ends."""

import json
import os
import signal
import socket
import sys

VARIABLE = "TESTS_SNAKEMAKE_SERVER"


def main() -> None:
    """Run Snakemake with the arguments and in the environment of this process, whose files are those of the run."""
    server = os.environ.pop(VARIABLE, "")
    program = os.path.join(os.path.dirname(sys.executable), "snakemake")  # noqa: PTH118, PTH120 - starts in 20 ms
    command = [program, *sys.argv[1:]]
    answer = _ask(server, command) if server else "no"
    if answer == "no":
        os.execv(program, command)  # noqa: S606 - the program that this one stands for
    code = int(answer)
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _ask(server: str, command: list[str]) -> str:
    request = json.dumps([command, os.getcwd(), dict(os.environ)]).encode()  # noqa: PTH109 - as above
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(f"\0{server}")
        socket.send_fds(channel, [len(request).to_bytes(8, "big")], [0, 1, 2])
        channel.sendall(request)
        with channel.makefile() as answers:
            return answers.readline().strip()


if __name__ == "__main__":
    main()
