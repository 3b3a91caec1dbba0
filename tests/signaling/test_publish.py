"""`tongke publish` against another WebRTC stack (aiortc) and against servers that refuse."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from load_tests.server import TONGKE
from signaling import cli, test_source
from signaling.publish import write_certificate
from signaling.watch import luma_of, mono_of

PATIENCE_S = 30


@dataclass
class Ingest:
    """A WHIP server that is not ours: aiortc answers, one frame of each kind is enough."""

    status: int = 201
    problem: dict[str, object] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path with query, Authorization."""
    peers: list[RTCPeerConnection] = field(default_factory=list)
    clocks: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    """Times read in pictures."""
    levels: asyncio.Queue[float] = field(default_factory=asyncio.Queue)
    """Loudest sample of each second of sound or so."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def post(self, request: web.Request) -> web.Response:
        self.requests.append(("POST", request.path_qs, request.headers.get("Authorization", "")))
        offer = await request.text()
        if self.status != 201 or not offer:
            document = self.problem or {"type": "/problems/not-sdp", "title": "t", "status": 400}
            return web.json_response(
                document, status=int(str(document["status"])), content_type="application/problem+json"
            )
        peer = RTCPeerConnection()
        self.peers.append(peer)
        peer.on("track", lambda track: self.tasks.append(asyncio.create_task(self._watch(track))))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        headers = {"Location": "/session/1"}
        answer = peer.localDescription.sdp
        return web.Response(status=201, text=answer, content_type="application/sdp", headers=headers)

    async def delete(self, request: web.Request) -> web.Response:
        self.requests.append(("DELETE", request.path_qs, request.headers.get("Authorization", "")))
        return web.Response()

    async def _watch(self, track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            if track.kind == "video":
                written = test_source.read_time(luma_of(frame), 0)
                if written is not None:
                    self.clocks.put_nowait(written)
            else:
                self.levels.put_nowait(float(abs(mono_of(frame)).max()))

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for peer in self.peers:
            await peer.close()


@asynccontextmanager
async def serving(ingest: Ingest) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/whip/{lesson}", ingest.post)
    app.router.add_delete("/session/1", ingest.delete)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await ingest.close()
        await runner.cleanup()


async def tongke_publish(*arguments: str) -> tuple[int, str]:
    """Exit code, and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(str(TONGKE), "publish", *arguments),
        env={"LANG": "en_US.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_the_test_source_reaches_another_stack() -> None:
    ingest = Ingest()
    async with serving(ingest) as url:
        where = ("--lesson", "a/b", "--url", url, "--token", "secret", "--as", "hall 1")
        code, said = await tongke_publish("test", *where, "--duration", "3")
        assert code == 0, said
        clocks = [ingest.clocks.get_nowait() for _ in range(ingest.clocks.qsize())]
        levels = [ingest.levels.get_nowait() for _ in range(ingest.levels.qsize())]
    assert len(set(clocks)) > 10
    assert sorted(clocks) == clocks
    assert max(levels) > 0.3
    assert ingest.requests == [
        ("POST", "/whip/a%2Fb?name=hall%201", "Bearer secret"),
        ("DELETE", "/session/1", "Bearer secret"),
    ]


async def test_the_servers_reason_is_told() -> None:
    problem: dict[str, object] = {
        "type": "/problems/source-taken",
        "title": "Already sent",
        "status": 409,
        "detail": "Stop the other sender.",
    }
    async with serving(Ingest(status=409, problem=problem)) as url:
        code, said = await tongke_publish("test", "--lesson", "demo", "--url", url, "--token", "x")
    assert code == 2
    assert "Already sent. Stop the other sender." in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing.mp4", "--token", "x"), "nothing.mp4 cannot be read (No such file or directory)"),
        ((__file__, "--token", "x"), "MP4, MOV, MKV"),
        (("test", "--url", "http://127.0.0.1:9", "--token", "x"), "No server answers at http://127.0.0.1:9/"),
        (("test", "--url", "localhost:8080", "--token", "x"), "not the URL of a server"),
        (("test", "--data", "/nonexistent"), "tongke token --role master --lesson demo"),
        (("test", "--data", "/nonexistent", "--as", "a"), "tongke token --role encoder --lesson demo"),
        (("test", "--token", "x", "--duration", "soon"), "not a duration"),
    ],
)
def test_what_the_caller_can_put_right_is_told_in_one_sentence(
    arguments: tuple[str, ...],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert cli.main(["publish", *arguments, "--lesson", "demo"]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_certificates_are_on_p_256_and_private(tmp_path: Path) -> None:
    path = write_certificate(tmp_path)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert path.stat().st_mode & 0o077 == 0
    ssl.create_default_context().load_cert_chain(path)
