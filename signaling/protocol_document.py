"""docs/PROTOCOL.md: its head is written by hand, everything below MARKER is generated from
the messages (`signaling.messages.MODULES`).

python -m signaling.protocol_document          writes it anew
python -m signaling.protocol_document --check  fails when it is not what the types say
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_args, get_type_hints

import msgspec

from signaling import messages
from signaling.message import Message, ServerMessage

PATH: Final = Path(__file__).parent.parent / "docs" / "PROTOCOL.md"
MARKER: Final = "<!-- Generated from signaling/messages.py by `python -m signaling.protocol_document`. -->"


def generated() -> str:
    """The part below the marker."""
    documented = _field_texts()
    client, server = get_args(messages.ClientMessage), get_args(messages.AnyServerMessage)
    parts = [
        "## Messages from the client\n",
        *(_section(kind, documented) for kind in client),
        "## Messages from the server\n",
        f"{_doc(ServerMessage)}\n",
        *(_section(kind, documented) for kind in server),
        "## Values inside messages\n",
        *(_section(kind, documented) for kind in _values((*client, *server))),
    ]
    return "\n".join(parts)


def document(current: str) -> str:
    """The whole text: the current head, and what the types say. ValueError when there is no marker."""
    head, marker, _ = current.partition(MARKER)
    if not marker:
        raise ValueError(f"{PATH.name} has no line {MARKER}")
    return f"{head}{MARKER}\n\n{generated()}"


def _section(kind: type[msgspec.Struct], documented: Mapping[tuple[str, str], str]) -> str:
    tag = kind.__struct_config__.tag
    lines = [f"### {f'`{tag}`' if tag else kind.__name__}\n"]
    if text := _doc(kind):
        lines.append(text + "\n")
    fields = [field for field in msgspec.structs.fields(kind) if field.name != "seq" or not _is_server(kind)]
    if fields:
        types = get_type_hints(kind, include_extras=True)
        lines += ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(field, types[field.name], _text_of(kind, field.name, documented)) for field in fields]
        lines.append("")
    return "\n".join(lines)


def _is_server(kind: type[msgspec.Struct]) -> bool:
    return issubclass(kind, ServerMessage)


def _row(field: msgspec.structs.FieldInfo, kind: Any, text: str) -> str:
    default = "required" if field.required else f"`{msgspec.json.encode(_default(field)).decode()}`"
    return f"| `{field.name}` | {_type(kind)} | {default} | {text} |"


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _type(kind: Any) -> str:
    """A type as people read it, from its JSON schema."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template="{name}")
    return _schema(schema)


def _schema(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return f"[{schema['$ref']}](#{schema['$ref'].lower()})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_schema(option) for option in schema["anyOf"])
    if schema["type"] == "array":
        return f"list{_limit(schema, 'maxItems', 'items')} of {_schema(schema['items'])}"
    return f"{schema['type']}{_limit(schema, 'maxLength', 'characters')}"


def _limit(schema: Mapping[str, Any], key: str, unit: str) -> str:
    return f" (at most {schema[key]:,} {unit})" if key in schema else ""


def _values(kinds: Iterable[type]) -> Iterator[type[msgspec.Struct]]:
    """Structs that stand inside messages, in the order of their modules."""
    _, components = msgspec.json.schema_components(kinds, ref_template="{name}")
    for module in _modules():
        for name, value in vars(module).items():
            is_struct = inspect.isclass(value) and issubclass(value, msgspec.Struct)
            is_own = is_struct and value.__module__ == module.__name__
            if name in components and is_own and not issubclass(value, Message):
                yield value


def _modules() -> list[ModuleType]:
    return [importlib.import_module(name) for name in messages.MODULES]


def _doc(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split()) if kind.__doc__ else ""


def _text_of(kind: type, name: str, documented: Mapping[tuple[str, str], str]) -> str:
    return next((documented[k.__name__, name] for k in kind.__mro__ if (k.__name__, name) in documented), "")


def _field_texts() -> dict[tuple[str, str], str]:
    """(class, field) -> the string below the field in the source."""
    texts = {}
    for node in [node for module in _modules() for node in ast.parse(inspect.getsource(module)).body]:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, below in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(below):
                assert isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
                texts[node.name, field.target.id] = " ".join(str(below.value.value).split())
    return texts


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def main(arguments: list[str]) -> int:
    current = PATH.read_text(encoding="utf-8")
    wanted = document(current)
    if "--check" in arguments:
        return 0 if current == wanted else 1
    PATH.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
