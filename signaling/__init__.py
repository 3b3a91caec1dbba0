"""The door: HTTP, WebSocket, WHIP and WHEP, SDP, tokens; the composition root."""
