"""Every kind of problem can be told in every language."""

from __future__ import annotations

import string

import pytest

from classroom.rules.reasons import Reason
from signaling import catalogue
from signaling.problems import STATUS, Problem
from signaling.sdp import SdpError


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_catalogues_have_the_same_keys_and_placeholders() -> None:
    chinese, english = (catalogue.messages(language) for language in catalogue.LANGUAGES)
    assert chinese.keys() == english.keys()
    for key in chinese:
        assert placeholders(chinese[key]) == placeholders(english[key]), key


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_every_kind_has_title_and_detail(language: str) -> None:
    told = {key.split(".")[1] for key in catalogue.messages(language) if key.startswith("problem.")}
    assert told == set(STATUS)
    for kind in STATUS:
        assert f"problem.{kind}.title" in catalogue.messages(language)
        assert f"problem.{kind}.detail" in catalogue.messages(language)


def test_document_is_in_the_readers_language() -> None:
    problem = Problem("unknown-lesson", lesson="math-7")
    document = problem.document("zh-CN")
    assert document.type == "/problems/unknown-lesson"
    assert document.status == 404
    assert document.title == "没有这节课"
    assert "math-7" in document.detail
    assert "math-7" in problem.document("en").detail


def test_media_errors_keep_their_kind() -> None:
    problem = Problem.of_media(SdpError("no_fingerprint", "no a=fingerprint"))
    assert (problem.kind, problem.status) == ("no-fingerprint", 400)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh-CN"),
        ("fr, de;q=0.9", "zh-CN"),
        ("en-GB", "en"),
        ("en;q=0.5, zh-TW", "zh-CN"),
        ("zh;q=0.1, en;q=0.9", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("en;q=two, zh", "zh-CN"),
        ("*", "zh-CN"),
    ],
)
def test_accept_language(header: str, language: str) -> None:
    assert catalogue.negotiate(header) == language


@pytest.mark.parametrize("reason", Reason)
def test_every_rule_of_the_lesson_can_be_told(reason: Reason) -> None:
    assert Problem.of_rule(reason).document("en").detail
