"""Writes src/protocol/messages.ts from the server's message types, so that both sides share one vocabulary.

After a change of signaling/messages.py run `.venv/bin/python web/generate-protocol.py`.
A test (tests/signaling/test_web_protocol.py) fails while the committed result differs.
"""

from __future__ import annotations

import importlib
import typing
from pathlib import Path
from typing import Any

import msgspec

from signaling import messages

TARGET = Path(__file__).parent / "src" / "protocol" / "messages.ts"

HEAD = """\
// Generated from signaling/messages.py by web/generate-protocol.py. Do not edit.

"""

Schema = dict[str, Any]
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def named_literals() -> dict[str, tuple[str, ...]]:
    """The modules' `Literal`s that have a name (`Role`, `Phase`, ...), with their values."""
    return {
        name: typing.get_args(value)
        for module in messages.MODULES
        for name, value in vars(importlib.import_module(module)).items()
        if typing.get_origin(value) is typing.Literal
    }


def quoted(values: typing.Iterable[str]) -> str:
    return " | ".join(f"'{value}'" for value in values)


def type_of(schema: Schema, aliases: dict[tuple[str, ...], str]) -> str:
    """The TypeScript type of one JSON schema."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "enum" in schema:
        return aliases.get(tuple(sorted(schema["enum"])), quoted(schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(type_of(option, aliases) for option in schema["anyOf"])
    if schema.get("type") == "array":
        return f"Array<{type_of(schema['items'], aliases)}>"
    if schema.get("type") == "object":
        return f"Record<string, {type_of(schema['additionalProperties'], aliases)}>"
    return SCALARS[schema["type"]]


def comment(text: str) -> str:
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) == 1:
        return f"/** {lines[0]} */\n"
    return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


def interface(name: str, schema: Schema, aliases: dict[tuple[str, ...], str]) -> str:
    """One struct. A field with a default may be missing on the wire (`omit_defaults`), hence optional."""
    required = set(schema.get("required", ()))
    rows = [
        f"  {field}{'' if field in required else '?'}: {type_of(part, aliases)}\n"
        for field, part in schema["properties"].items()
    ]
    doc = comment(schema["description"]) if "description" in schema else ""
    return f"{doc}export interface {name} {{\n{''.join(rows)}}}\n"


def union(name: str, members: typing.Iterable[type]) -> str:
    rows = "".join(f"\n  | {member.__name__}" for member in members)
    return f"export type {name} ={rows}\n"


def generate() -> str:
    """The whole of messages.ts."""
    client = typing.get_args(messages.ClientMessage)
    server = typing.get_args(messages.AnyServerMessage)
    _, components = msgspec.json.schema_components([*client, *server])
    literals = named_literals()
    aliases = {tuple(sorted(values)): name for name, values in literals.items()}
    parts = [f"export type {name} = {quoted(values)}\n" for name, values in literals.items()]
    parts += [interface(name, schema, aliases) for name, schema in components.items()]
    parts += [union("ClientMessage", client), union("ServerMessage", server)]
    return HEAD + "\n".join(parts)


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(generate(), encoding="utf-8")
