"""Janus (Debian's package `janus`) as a peer: its VideoRoom makes the same fan-out, one publisher to many.

Janus passes loopback by, so it must run where there is another device (namespace.py), which `-E` names. It is
left a full ICE agent, as its package sets it up; bots answer its checks. Its API is spoken over one WebSocket
with one session, in which each bot is a handle of the VideoRoom plugin. Subscribers are offered to, as by our
own WebSocket.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import signal
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import aiohttp

from ..door import Refused, Resource
from ..namespace import ADDRESS, DEVICE
from ..sdp import BadAnswer, LocalParameters, answer_to, local_parameters, parse_answer
from ..server import ServerDidNotStart, free_port

ROOM: Final = 1
PLUGINS: Final = "/usr/lib/x86_64-linux-gnu/janus"
ANSWER_TIMEOUT_S: Final = 60.0
READY_TIMEOUT_S: Final = 15.0
KEEPALIVE_S: Final = 20.0
"""Janus drops a session after 60 s without a word."""
CONFIGURATION: Final = {
    "janus.jcfg": """
general: {{ configs_folder = "{folder}", plugins_folder = "{plugins}/plugins",
  transports_folder = "{plugins}/transports", events_folder = "{plugins}/events",
  loggers_folder = "{plugins}/loggers", debug_level = 2 }}
media: {{ rtp_port_range = "20000-60000" }}
nat: {{ ice_enforce_list = "{device}" }}
plugins: {{ disable = "{other_plugins}" }}
transports: {{ disable = "libjanus_http.so,libjanus_pfunix.so,libjanus_mqtt.so,libjanus_nanomsg.so" }}
""",
    "janus.plugin.videoroom.jcfg": """
general: {{ }}
room-{room}: {{ description = "load", publishers = 4, audiocodec = "opus", videocodec = "h264",
  bitrate = 20000000, fir_freq = 0, record = false, notify_joining = false }}
""",
    "janus.transport.websockets.jcfg": """
general: {{ json = "compact", ws = true, ws_port = {port}, ws_interface = "{device}", wss = false }}
admin: {{ admin_ws = false, admin_wss = false }}
""",
}
OTHER_PLUGINS: Final = (
    *("audiobridge", "duktape", "echotest", "lua", "nosip", "recordplay", "sip", "streaming", "textroom"),
    *("videocall", "voicemail"),
)


class JanusProcess:
    """`async with JanusProcess(host) as janus`: its WebSocket at `janus.url`."""

    def __init__(self, host: str) -> None:
        self._host, self._port = host, free_port(host)
        self._process: asyncio.subprocess.Process | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def url(self) -> str:
        return f"ws://{self._host}:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> JanusProcess:
        program = shutil.which("janus")
        if program is None:
            raise ServerDidNotStart("janus is not installed: apt-get install janus")
        self._folder = tempfile.TemporaryDirectory(prefix="janus-")
        folder = self._folder.name
        self._configure(Path(folder))
        log = f"{folder}/janus.log"
        words = ["-F", folder, "-C", f"{folder}/janus.jcfg", "-E", DEVICE, "-i", self._host]
        self._process = await asyncio.create_subprocess_exec(
            *(program, *words, "--disable-stdout", "--log-file", log),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            await self._ready(Path(log))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    def _configure(self, folder: Path) -> None:
        values = {
            "folder": folder,
            "plugins": PLUGINS,
            "device": DEVICE,
            "room": ROOM,
            "port": self._port,
            "other_plugins": ",".join(f"libjanus_{name}.so" for name in OTHER_PLUGINS),
        }
        for name, text in CONFIGURATION.items():
            (folder / name).write_text(text.format(**values))

    async def _ready(self, log: Path) -> None:
        assert self._process is not None
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                while True:
                    with contextlib.suppress(OSError):
                        _, writer = await asyncio.open_connection(self._host, self._port)
                        writer.close()
                        return
                    if self._process.returncode is not None:
                        raise ServerDidNotStart(f"janus ended with {self._process.returncode}:\n{_tail(log)}")
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise ServerDidNotStart(f"janus was not ready in time:\n{_tail(log)}") from None

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            # SIGKILL: it takes its leave of hundreds of connections for longer than anybody waits.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self._folder is not None:
            self._folder.cleanup()


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    except OSError:
        return ""


class JanusDoor:
    """A Door: publishers and subscribers of one VideoRoom; `lesson` and `token` mean nothing to it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._session = 0
        self._replies: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._feed = 0

    async def __aenter__(self) -> JanusDoor:
        self._http = aiohttp.ClientSession()
        try:
            self._socket = await self._http.ws_connect(
                self._url, protocols=("janus-protocol",), max_msg_size=0
            )
        except aiohttp.ClientError as error:
            await self._http.close()
            raise Refused(f"janus: {error}") from error
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._keep_alive())]
        self._session = (await self._ask({"janus": "create"}))["data"]["id"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._socket is not None:
            await self._socket.close()
        if self._http is not None:
            await self._http.close()

    async def publish(self, lesson: str, token: str, offer: str) -> Resource:
        handle = await self._attach()
        joined = await self._message(handle, {"request": "join", "ptype": "publisher", "room": ROOM})
        self._feed = joined["plugindata"]["data"]["id"]
        jsep = {"type": "offer", "sdp": _whole(offer, local_parameters(offer))}
        answer = await self._message(handle, {"request": "publish", "audio": True, "video": True}, jsep)
        return Resource(str(handle), parse_answer(_sdp(answer)))

    async def subscribe(self, lesson: str, token: str, offer: str) -> Resource:
        handle = await self._attach()
        wish = {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": self._feed}]}
        offered = _sdp(await self._message(handle, wish))
        local = local_parameters(offer)
        jsep = {"type": "answer", "sdp": _whole(answer_to(offered, local), local)}
        await self._message(handle, {"request": "start", "room": ROOM}, jsep)
        return Resource(str(handle), parse_answer(offered))

    async def leave(self, resource: Resource, token: str) -> None:
        await self._ask({"janus": "detach", "handle_id": int(resource.location)})

    async def metrics(self) -> str:
        return ""

    # --- its API ------------------------------------------------------------------------------------------

    async def _attach(self) -> int:
        reply = await self._ask({"janus": "attach", "plugin": "janus.plugin.videoroom"})
        handle: int = reply["data"]["id"]
        return handle

    async def _message(self, handle: int, body: Any, jsep: Any = None) -> dict[str, Any]:
        more = {"jsep": jsep} if jsep else {}
        reply = await self._ask({"janus": "message", "handle_id": handle, "body": body, **more})
        data = reply.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise Refused(f"janus: {data['error']}")
        return reply

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply, or the event that follows an acknowledgement."""
        assert self._socket is not None
        transaction = secrets.token_hex(8)
        session = {"session_id": self._session} if self._session else {}
        reply = self._replies[transaction] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._socket.send_json({**request, **session, "transaction": transaction})
                found: dict[str, Any] = await reply
        except (TimeoutError, ConnectionError) as error:
            raise Refused(f"janus did not answer {request['janus']}: {error}") from error
        finally:
            del self._replies[transaction]
        if found["janus"] == "error":
            raise Refused(f"janus: {found['error'].get('reason', '')}")
        return found

    async def _read(self) -> None:
        assert self._socket is not None
        async for frame in self._socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                break
            message = frame.json()
            waiting = self._replies.get(message.get("transaction", ""))
            if waiting is not None and not waiting.done() and message["janus"] != "ack":
                waiting.set_result(message)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEPALIVE_S)
            with contextlib.suppress(ConnectionError):
                assert self._socket is not None
                await self._socket.send_json(
                    {"janus": "keepalive", "session_id": self._session, "transaction": secrets.token_hex(8)}
                )


def _whole(sdp: str, local: LocalParameters) -> str:
    """With the bot's own candidate, and nothing to be trickled."""
    candidate = f"a=candidate:1 1 udp 2113937151 {ADDRESS} {local.port} typ host\r\na=end-of-candidates\r\n"
    sdp = sdp.replace("a=ice-options:trickle\r\n", "")
    return re.sub(r"(a=mid:\S+\r\n)", lambda mid: mid[1] + candidate, sdp)


def _sdp(event: dict[str, Any]) -> str:
    if "jsep" not in event:
        raise BadAnswer("janus answered without a description")
    sdp: str = event["jsep"]["sdp"]
    return sdp
