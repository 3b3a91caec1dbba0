"""Chained files against what was signed of them: which line is not what it was. Pure.

A line that was changed breaks a link: its hash is no longer what the next line, or the signature, says. When
what it says of the line before was touched as well, it breaks two. From which links are broken follows which
line it was; where all links hold and the signatures do not, somebody has written the file anew from some line
on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from recorder import chain
from recorder.chain import Checkpoint, Head
from recorder.finding import Finding
from recorder.signing import is_signed


@dataclass(slots=True)
class Inspected:
    """A chained file."""

    good: list[bytes] = field(default_factory=list)
    """Its lines, without those that were changed."""
    findings: list[Finding] = field(default_factory=list)


def inspect(name: str, data: bytes, first: str, signed: Sequence[Head], *, sealed: bool) -> Inspected:
    """first: the file's genesis. signed: what checkpoints say of it, in their order. sealed: nothing may
    follow behind the last of them."""
    *lines, torn = data.split(b"\n")
    if torn:
        lines.append(torn)
    hashes = [chain.digest(line) for line in lines]
    bad = set(_changed(lines, hashes, first, signed))
    found = Inspected([line for number, line in enumerate(lines, 1) if number not in bad])
    found.findings = [Finding(kind="line_changed", file=name, line=number) for number in sorted(bad)]
    last = signed[-1] if signed else Head(0, 0, first)
    if len(lines) < last.lines:
        found.findings.append(Finding(kind="lines_missing", file=name, line=len(lines) + 1))
    elif sealed and len(lines) > last.lines:
        found.findings.append(Finding(kind="lines_added", file=name, line=last.lines + 1))
    elif not bad and _hash_at(hashes, last.lines, first) != last.hash:
        agreed = max((h.lines for h in signed if _hash_at(hashes, h.lines, first) == h.hash), default=0)
        found.findings.append(Finding(kind="lines_rewritten", file=name, line=agreed + 1))
    elif sealed and not bad and len(data) != last.size:
        found.findings.append(Finding(kind="lines_missing", file=name, line=len(lines)))  # its end
    return found


def _changed(
    lines: Sequence[bytes], hashes: Sequence[str], first: str, signed: Sequence[Head]
) -> Iterator[int]:
    """Numbers (from 1) of the lines to blame for links that do not hold."""
    broken = {
        number
        for number, line in enumerate(lines, 1)
        if chain.previous(line) != (hashes[number - 2] if number > 1 else first)
    }
    if signed and signed[-1].lines == len(lines) and hashes and hashes[-1] != signed[-1].hash:
        broken.add(len(lines) + 1)
    if signed and broken and _only_a_suffix_differs(hashes, first, signed, broken):
        return
    blamed = 0
    for number in sorted(broken):
        if number - 1 == blamed and blamed:
            continue  # the other end of the line that is blamed already
        blamed = number if number + 1 in broken or number == 1 else number - 1
        if blamed <= len(lines):
            yield blamed


def _only_a_suffix_differs(
    hashes: Sequence[str], first: str, signed: Sequence[Head], broken: set[int]
) -> bool:
    """All links hold, the last line's hash is another, and so is that of an earlier checkpoint: it is not
    the last line that was changed."""
    disagreeing = [head for head in signed if _hash_at(hashes, head.lines, first) != head.hash]
    return broken == {len(hashes) + 1} and len({head.lines for head in disagreeing}) > 1


def _hash_at(hashes: Sequence[str], lines: int, first: str) -> str:
    """Of the line with that number; "" when there are not so many."""
    if lines == 0:
        return first
    return hashes[lines - 1] if lines <= len(hashes) else ""


@dataclass(slots=True)
class Signatures:
    """What the checkpoints of an item say, as far as they can be believed."""

    heads: dict[str, list[Head]] = field(default_factory=dict)
    """File name -> what was signed of it, in order."""
    sealed: bool = False
    findings: list[Finding] = field(default_factory=list)


def read_signatures(name: str, data: bytes, first: str, item: str, keys: Sequence[str]) -> Signatures:
    """data: the file of checkpoints; a torn last line is left out. keys: whose signatures they may be."""
    whole = data[: data.rfind(b"\n") + 1]
    lines = whole.split(b"\n")[:-1]
    inspected = inspect(name, whole, first, (), sealed=False)
    found = Signatures(findings=inspected.findings)
    good = [(line, chain.read_checkpoint(line)) for line in inspected.good]
    # Through the links the last signature is one over all lines before it. With a link broken, each is asked.
    intact = not inspected.findings and bool(good) and _holds(*good[-1], item, keys)
    asked = good[-1:] if intact else good
    refused = {line for line, checkpoint in asked if not _holds(line, checkpoint, item, keys)}
    found.findings += [
        Finding(kind="bad_signature", file=name, line=lines.index(line) + 1) for line in refused
    ]
    for line, checkpoint in good:
        if checkpoint is not None and line not in refused:
            for file, head in checkpoint.files.items():
                found.heads.setdefault(file, []).append(head)
            found.sealed = found.sealed or checkpoint.sealed
    return found


def _holds(line: bytes, checkpoint: Checkpoint | None, item: str, keys: Sequence[str]) -> bool:
    if checkpoint is None or checkpoint.item != item:
        return False
    data = chain.signed_part(line)
    return any(is_signed(key, data, checkpoint.signature) for key in keys)
