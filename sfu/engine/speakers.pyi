"""Which microphones of a group are heard, in which place, and who speaks: the packet path, for tests."""

class SpeakerGroup:
    def __init__(self, limit: int) -> None: ...
    def join(self, id: int, *, always: bool = False) -> None: ...
    def leave(self, id: int) -> None: ...
    def packet(self, id: int, level: int, now_us: int) -> bool:
        """level: RFC 6464's byte (0 loudest, 127 silence), -1 for none. Whether it is heard."""
    def look(self, now_us: int) -> list[int] | None:
        """Who speaks, when that changed; else None. To be called when it is due."""
    def places(self) -> list[int] | None:
        """Who has each place, 0 for nobody, when that changed; else None. To be called after `look`."""
    @property
    def due_us(self) -> int:
        """-1: never."""
    @property
    def heard(self) -> list[int]: ...
