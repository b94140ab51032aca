"""docs/reference/commands.md: every command of `coronet` with its arguments, read from the parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from cli.main import COMMANDS, build_parser
from docs.generator.markdown import page, table

_INTRODUCTION = """\
`coronet COMMAND --help` says the same on screen. `python -m coronet_serve COMMAND` is the same program.

Exit status: 0 done, 1 failed (one line on stderr says what was found, what is needed, what to do), 2 wrong usage,
130 interrupted."""


def commands_page() -> str:
    """The page's text."""
    overview = table(
        ["command", "what it does"],
        [(f"[`{name}`](#coronet-{name})", summary) for name, (_, summary) in COMMANDS.items()],
    )
    return page("Commands", _INTRODUCTION, overview, *(_section(name) for name in COMMANDS))


def _section(command: str) -> str:
    """One command: its heading, usage, description and arguments; those of actions such as `data check` below it."""
    parser = _subparsers(build_parser(command))[command]
    parts = [f"## coronet {command}", *_described(parser, f"coronet {command}")]
    for name, action in _subparsers(parser).items():
        parts += [f"### coronet {command} {name}", *_described(action, f"coronet {command} {name}")]
    return "\n\n".join(parts)


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    found = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found[0].choices) if found else {}


def _described(parser: argparse.ArgumentParser, program: str) -> Iterator[str]:
    """Usage, description and a table of the arguments."""
    arguments = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    actions = [action for action in arguments if isinstance(action, argparse._SubParsersAction)]
    if not actions:
        yield f"```text\n{_usage(program, arguments)}\n```"
    yield _as_markdown(parser.description or "")
    rows = [(f"`{_spelled(action)}`", _meaning(action, program)) for action in arguments if action not in actions]
    if rows:
        yield table(["argument", "meaning"], rows)


def _usage(program: str, arguments: list[argparse.Action]) -> str:
    """The command line in one line: positional arguments, then what must be given, then [options]."""
    positional = [_spelled(action) for action in arguments if not action.option_strings]
    required = [_spelled(action) for action in arguments if action.option_strings and action.required]
    optional = any(action.option_strings and not action.required for action in arguments)
    return " ".join([program, *positional, *required, *(["[options]"] if optional else [])])


def _spelled(action: argparse.Action) -> str:
    """An argument as it is typed: "IMAGE ...", "--out DIR", "-r, --recursive"."""
    name = ", ".join(action.option_strings)
    if action.nargs == 0:
        return name
    if isinstance(action.metavar, tuple):
        value = " ".join(action.metavar)
    elif action.metavar is None and action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    else:
        value = action.metavar or action.dest.upper()
        value = {"+": f"{value} ...", "*": f"[{value} ...]", "?": f"[{value}]"}.get(str(action.nargs), value)
    return f"{name} {value}".strip()


def _meaning(action: argparse.Action, program: str) -> str:
    text = (action.help or "") % {**vars(action), "prog": program}
    return f"{text}. **Required.**" if action.option_strings and action.required else text


def _as_markdown(text: str) -> str:
    """A description as Markdown: paragraphs whose every line is indented are code."""
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return "\n\n".join(
        f"```text\n{block.rstrip()}\n```" if all(line.startswith(" ") for line in block.splitlines()) else block
        for block in blocks
    )
