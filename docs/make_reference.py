"""Writes docs/reference/ from the program itself: its commands, and the JSON Schemas of its files.

python docs/make_reference.py [FOLDER]
"""

import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from canary_wf.cli.examples import EXAMPLES, PROGRAM
from canary_wf.cli.help_page import BATCH_PAIRS, grouped_options
from canary_wf.cli.main import COMMANDS, application
from canary_wf.configuration.keys import configuration_schema, known_keys
from canary_wf.discovery.job_files.check import SCHEMA_FILE as JOBS_SCHEMA
from canary_wf.plan.schema import plan_schema
from canary_wf.run.result import BatchResult
from canary_wf.spec.job_spec import JobSpec
from canary_wf.state.attempt import AttemptFile
from canary_wf.state.events import Event
from canary_wf.state.job_file import job_fields
from canary_wf.state.record import PENDING

MADE = "<!-- Made by docs/make_reference.py: do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """Return the pages by file name."""
    texts = {
        "commands.md": _commands(),
        "configuration.md": _configuration(),
        "job-files.md": _job_files(),
        "plan.md": _plan(),
        "state-files.md": _state_files(),
    }
    return {name: MADE + "\n".join(_filled(line) for line in text.split("\n")) for name, text in texts.items()}


def _filled(line: str) -> str:
    """Return a line of prose broken to the width of the other pages."""
    is_prose = not line.startswith(("|", "#", "canary-wf "))
    return textwrap.fill(line, 120, break_long_words=False, break_on_hyphens=False) if is_prose and line else line


def _commands() -> str:
    parts = [
        "# Commands\n\nEvery command has `--help`, which says what stands here. Options before the command's name:\n\n",
        _table(("option", "what it does"), [_option(each) for each in _shown(application)]),
        _examples(PROGRAM),
    ]
    with application.make_context("canary-wf", ["--version"], resilient_parsing=True) as context:
        for name in COMMANDS:
            command = application.get_command(context, name)
            assert command is not None
            parts += _command(f"canary-wf {name}", command, context)
    return "".join(parts)


def _command(name: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    if name == "canary-wf run-batch":
        yield _run_batch()
        return
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f"\n## {name}\n\n```text\n{usage}\n```\n\n{inspect.cleandoc(command.help or '')}\n"
    for title, options in grouped_options(command, context).items():
        rows = [_option(option) for option in options if "--help" not in option.opts]
        if any(option.name == "batch" for option in options):
            at = next(number for number, option in enumerate(options) if option.name == "batch") + 1
            rows[at:at] = [(f"`-b {pair}`", meaning) for pair, meaning in BATCH_PAIRS]
        yield f"\n{_table((title, 'what it does'), rows)}" if rows else ""
    yield _examples(name.rpartition(" ")[2] if name.count(" ") == 1 else "")
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _command(f"{name} {inner}", found, context)


def _shown(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def _examples(name: str) -> str:
    """Return the examples of a command as a block that is copied as it stands."""
    lines = [f"# {example.purpose}\n{example.command}\n" for example in EXAMPLES.get(name, ())]
    return f"\n```bash\n{''.join(lines)}```\n" if lines else ""


def _option(option: click.Option) -> tuple[str, str]:
    value = ""
    if not option.is_flag and not option.count:
        value = f" {option.metavar or option.type.name.upper()}"
    names = ", ".join(f"`{name}{value}`" for name in option.opts)
    shown = option.show_default and option.default not in (None, ())
    default = f" Default: `{option.default}`." if shown else ""
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    told = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
    return names, f"{option.help or ''}{told}{default}"


def _run_batch() -> str:
    from canary_wf.run.command_line import command_parser

    made = command_parser()
    rows = [
        (f"`{action.option_strings[-1] if action.option_strings else action.dest.upper()}`", f"{action.help}")
        for action in made._actions  # noqa: SLF001 - argparse has no other list of what it knows
    ]
    return f"\n## canary-wf run-batch\n\n{made.description}\n\n{_table(('option', 'what it does'), rows)}"


def _configuration() -> str:
    text = "# Configuration keys\n\nThe keys of `canary-wf.yaml` ([configuration](../configuration.md)).\n"
    for section, part in configuration_schema()["properties"].items():
        rows = [
            (
                f"`{key.name.replace('*', 'NAME')}`",
                _kind(key.schema),
                f"`{key.option}`",
                f"`{key.variable}{'NAME' if key.is_open else ''}`",
                key.schema["description"]
                + (f" Default: `{json.dumps(key.schema['default'])}`." if "default" in key.schema else ""),
            )
            for key in known_keys()
            if key.name.partition(".")[0] == section
        ]
        table = _table(("key", "value", "option", "variable", "meaning"), rows)
        text += f"\n## {section}\n\n{part['description']}\n\n{table}"
    return text


def _job_files() -> str:
    schema = json.loads(JOBS_SCHEMA.read_text(encoding="utf-8"))
    return (
        "# Job files\n\nA job file, `*.jobs.yaml`, `*.jobs.yml` or `*.jobs.json`, has one key, `jobs`: a list of "
        "entries with these keys. [Writing jobs](../jobs.md) shows them in use.\n\n"
        + _properties(schema["$defs"]["job"], schema)
    )


def _plan() -> str:
    schema = plan_schema()
    text = "# plan.json\n\nThe plan of a session, `.canary-wf/sessions/SID/plan.json`.\n\n" + _properties(
        schema, schema
    )
    for name, part in schema["$defs"].items():
        if "properties" in part:
            text += f"\n## {name}\n\n" + _properties(part, schema)
    return text


def _state_files() -> str:
    fields = job_fields(_EXAMPLE, "", PENDING, "")
    told = [(f"`{name}`", _MEANINGS[name]) for name in fields]
    more = [(f"`{name}`", meaning) for name, meaning in _IN_JOB_FILES.items()]
    text = (
        "# State files\n\n"
        "What a session holds beside its [plan](plan.md). Times are epoch seconds (UTC), durations seconds; what is "
        "not known is null.\n\n"
        "## job.json, and status --json\n\n"
        "`canary-wf status --json` gives the first fields for each job under `jobs`, beside `session` and `counts` ("
        "jobs by category). `job.json`, in each job's directory, has all of them. It is there when the job has run "
        "for 0.1 s or has ended; scripts of `.pyt` files find it from their start.\n\n"
        + _table(("field", "meaning"), [*told, *more])
    )
    text += "\n## result.json\n\n" + _struct(BatchResult) + "\n## attempt.json\n\n" + _struct(AttemptFile)
    text += "\n## journal.jsonl\n\nOne event a line. Every one has `time`, and `event` says which it is.\n"
    for event in get_args(Event):
        text += f"\n### {event.__struct_config__.tag}\n\n" + _struct(event)
    return text


def _struct(kind: type[msgspec.Struct]) -> str:
    document = " ".join((kind.__doc__ or "").split()).replace("``", "`")
    hidden = {"time", "by"} if kind in get_args(Event) else set()
    rows = [
        (f"`{each.encode_name}`", _type_name(each.type))
        for each in msgspec.structs.fields(kind)
        if each.name not in hidden
    ]
    return f"{document}\n\n{_table(('field', 'value'), rows)}"


def _type_name(kind: object) -> str:
    text = str(kind) if not isinstance(kind, type) or get_args(kind) else kind.__name__
    return text.replace("typing.", "").replace("Any", "anything")


_EXAMPLE = JobSpec(id="", name="", family="", path="", file="", kind="jobs", directory="")

_MEANINGS = {
    "id": "the job's id",
    "name": "its name",
    "phase": "PENDING, SUBMITTED, RUNNING or DONE",
    "category": "PASS, FAIL, CANCEL, SKIP or NONE",
    "outcome": "the verdict ([states](../running.md))",
    "class": "why it did not pass, in one word",
    "attempts": "how many runs were begun",
    "reason": "why, for people",
    "code": "the exit code, or the outcome's own",
    "started": "when its process was started",
    "finished": "when it had its verdict",
    "duration": "how long its process ran",
    "cpu_ids": "the CPUs it was handed",
    "gpu_ids": "the GPUs it was handed",
    "slurm_job_id": "the Slurm job that its batch ran in",
    "batch": "its batch",
    "directory": "its working directory, relative to OUT",
    "log": "its output, relative to OUT",
}
_IN_JOB_FILES = {
    "spec": "the job as it is in the plan",
    "resources": "all ids and slots it was handed, by type",
    "dependencies": "the jobs it depends on, with their directories, relative to OUT",
    "measurements": "what was measured, and what the job itself added",
    "artifacts": "what is kept of it: `kept` (files, by `path` in its directory, and `size`) and `missing`",
    "earlier_attempts": "runs that did not pass and were followed by another, oldest first",
}


def _properties(part: dict[str, Any], schema: dict[str, Any]) -> str:
    required = part.get("required", ())
    rows = []
    for name, described in part["properties"].items():
        target = _resolved(described, schema)
        meaning = described.get("description") or target.get("description") or ""
        rows.append((f"`{name}`", _kind(described, schema) + (", required" if name in required else ""), meaning))
    return _table(("key", "value", "meaning"), rows)


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref")
    return part if reference is None else schema["$defs"][reference.rpartition("/")[2]]


def _kind(part: dict[str, Any], schema: dict[str, Any] | None = None) -> str:
    if "$ref" in part and schema is not None:
        target = _resolved(part, schema)
        return f"a {part['$ref'].rpartition('/')[2]}" if "properties" in target else _kind(target, schema)
    if "enum" in part or "const" in part:
        return " or ".join(json.dumps(value) for value in part.get("enum", [part.get("const")]))
    several = part.get("oneOf") or part.get("anyOf")
    if several:
        return " or ".join(dict.fromkeys(_kind(each, schema) for each in several))
    return _type(part, schema)


def _type(part: dict[str, Any], schema: dict[str, Any] | None) -> str:
    kinds = part.get("type", "anything")
    if kinds == "array":
        return f"list of {_kind(part.get('items', {}), schema)}"
    if kinds == "object":
        inner = part.get("additionalProperties")
        return f"mapping to {_kind(inner, schema)}" if isinstance(inner, dict) else "mapping"
    return " or ".join([kinds] if isinstance(kinds, str) else kinds)


def _table(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Write the pages."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
