"""docs/PROTOCOL.md says what the types say."""

from __future__ import annotations

from typing import get_args

import pytest

from signaling import messages
from signaling.protocol_document import MARKER, PATH, document, generated


def test_document_is_what_the_types_say() -> None:
    current = PATH.read_text(encoding="utf-8")
    assert current == document(current), "run: python -m signaling.protocol_document"


def test_every_message_has_a_section() -> None:
    text = generated()
    for kind in (*get_args(messages.ClientMessage), *get_args(messages.AnyServerMessage)):
        assert f"### `{kind.__struct_config__.tag}`\n" in text


def test_fields_carry_limits_defaults_and_meaning() -> None:
    text = generated()
    assert "| `token` | string (at most 8,192 characters) | required |" in text
    assert '| `language` | string (at most 35 characters) | `"zh-CN"` |' in text
    assert "| `streams` | list of [StreamView](#streamview) | required |" in text


def test_head_is_kept() -> None:
    assert document(f"By hand.\n{MARKER}\nold").startswith(f"By hand.\n{MARKER}\n\n## Messages")
    with pytest.raises(ValueError, match="has no line"):
        document("no marker")
