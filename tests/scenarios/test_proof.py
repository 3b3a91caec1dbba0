"""Flash and beep over a link that loses 3 % both ways, with an outage and a killed recorder: what the
recording says of it is true, in sync, and plays.

The short version of `python -m load_tests proof`; the link's losses come from a seed, but which packets they
meet does not, so what is judged is what must hold whatever is lost. By FFmpeg: a browser that shares two
processors with its server now and then loses more than the link does, so what it sends is judged by
`python -m load_tests proof --publisher chromium` on a machine of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from load_tests import seed
from load_tests.scenarios.proof import ProofOptions, proof
from load_tests.server import ServerProcess
from load_tests.target import Target
from load_tests.tokens import issuer
from signaling.auth import Tokens

PUBLISHER = "ffmpeg"
MOST_OUT_OF_SYNC_MS = 80
DURATION_S, OUTAGE_S = 16, 3.5
"""The outage is longer than what a publisher would repair of it."""


async def test_the_recording_of_a_bad_lesson_tells_the_truth(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    await seed.seed(data, seed.proven([PUBLISHER]))
    async with ServerProcess(data=data) as server:
        token = issuer(Tokens.open(data), "demo")
        target = Target(server.url, server.pid, token, data=data)
        options = ProofOptions(duration_s=DURATION_S, outage_s=OUTAGE_S, publishers=(PUBLISHER,))
        report = await proof(options, target)
    found = {figure.key.removeprefix(f"{PUBLISHER}_"): figure.value for figure in report.figures}
    said = "\n".join(f"{figure.label}: {figure.text}" for figure in report.figures)
    assert found["proven"] == "yes", said
    assert found["missed"] == 0, said
    assert found["unexplained"] == 0, said
    assert found["seconds_measured"] >= DURATION_S / 2, said
    assert found["sync_most_ms"] <= MOST_OUT_OF_SYNC_MS, said
    assert found["complete"] < 1, said
    assert found["played_s"] == pytest.approx(found["duration_s"], abs=0.2), said
