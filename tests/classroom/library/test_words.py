"""Words as they are kept and as they are asked for: what finds what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classroom.library.words import MAX_WORDS, asked, words


def finds(question: str, *texts: str) -> bool:
    """As a database does: all that is asked for is there."""
    kept = words(texts)
    wanted = asked(question)
    return bool(wanted) and all(
        any(word.startswith(one.word) if one.prefix else word == one.word for word in kept) for one in wanted
    )


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("光合作用", "绿色植物的光合作用是什么"),
        ("合作用", "绿色植物的光合作用是什么"),
        ("用", "光合作用"),
        ("光", "光合作用"),
        ("作用 植物", "绿色植物的光合作用"),
        ("co2", "吸收ＣＯ２，放出氧气"),
        ("CO₂", "co2"),
        ("Photo", "PHOTOSYNTHESIS"),
        ("3", "第3班"),
        ("ひかり", "ひかりの屈折"),
        ("광합성", "식물의 광합성 과정"),
        ("straße", "STRASSE"),
        ("李老师", "主讲：李老师"),
        ("𠮷野", "𠮷野家"),
    ],
)
def test_what_is_found(question: str, text: str) -> None:
    assert finds(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("合作社", "光合作用"),
        ("用作", "光合作用"),
        ("synthesis", "photosynthesis"),
        ("1", "第12班"),
        ("co2 二氧化碳", "co2"),
        ("", "光合作用"),
        ("！？", "光合作用！？"),
    ],
)
def test_what_is_not(question: str, text: str) -> None:
    assert not finds(question, text)


def test_a_sign_alone_says_nothing_beside_words() -> None:
    assert [one.word for one in asked("第 77777 课")] == ["77777"]
    assert [one.word for one in asked("第")] == ["第"]


def test_both_are_bounded() -> None:
    assert len(words([f"w{n}" for n in range(MAX_WORDS + 500)])) == MAX_WORDS
    assert len(asked("".join(chr(0x4E00 + n) for n in range(5000)))) == 40


@given(st.text(max_size=200))
def test_whatever_is_written_both_languages_of_questions_can_say(text: str) -> None:
    """No word holds a sign that a question's language could take for its own."""
    for word in [*words([text]), *(one.word for one in asked(text))]:
        assert word.isalnum() or not word.isascii()
        assert not any(sign in word for sign in "'\"\\*&|!():<> \x00")


@given(st.text(alphabet="光合作用植物", min_size=2, max_size=12), st.data())
def test_any_part_of_a_sentence_finds_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert finds(text[start:end], text)
