"""`tongke doctor`: which ways to a server work from here, how well, and what to ask the network people for.

command.py      the command: options, order, output
http_probe.py   HTTP, WebSocket, clock, transfers          ways.py        datagrams by UDP, TCP or TURN
media_probe.py  one way to the media port: ICE, DTLS, echo
findings.py     what was found, and what follows from it (pure)
"""
