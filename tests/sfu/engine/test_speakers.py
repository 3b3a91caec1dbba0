"""Who is heard: a clock by hand, levels as RFC 6464 gives them (0 loudest, 127 silence)."""

from __future__ import annotations

import random

from sfu.engine.speakers import SpeakerGroup

PACKET_US = 20_000
SPEECH, SHOUT, ROOM = 30, 10, 80


class Talk:
    """A group of microphones, all of which send a packet each 20 ms."""

    def __init__(self, members: int, limit: int, *, always: tuple[int, ...] = ()) -> None:
        self.group = SpeakerGroup(limit)
        self.now_us = 1_000_000
        self.levels = dict.fromkeys(range(1, members + 1), ROOM)
        self.told: list[list[int]] = []
        self.places: list[list[int]] = []
        for id in self.levels:
            self.group.join(id, always=id in always)

    def go_on(self, packets: int, **levels: int) -> Talk:
        """levels: by `vID`."""
        self.levels |= {int(name[1:]): level for name, level in levels.items()}
        for _ in range(packets):
            for id, level in self.levels.items():
                self.group.packet(id, level, self.now_us)
            self.now_us += PACKET_US
            if 0 <= self.group.due_us <= self.now_us:
                self._look()
        return self

    def _look(self) -> None:
        if (told := self.group.look(self.now_us)) is not None:
            self.told.append(told)
        if (places := self.group.places()) is not None:
            self.places.append(places)

    @property
    def heard(self) -> list[int]:
        return self.group.heard


def test_silence_is_not_forwarded() -> None:
    assert Talk(10, 4).go_on(200).heard == []


def test_a_voice_is_heard_from_its_first_loud_packet() -> None:
    talk = Talk(10, 4).go_on(50)
    assert talk.group.packet(3, SPEECH, talk.now_us)


def test_a_place_is_kept_through_pauses_while_nobody_needs_it() -> None:
    talk = Talk(10, 2).go_on(50, v3=SPEECH).go_on(500, v3=ROOM)
    assert talk.heard == [3]


def test_who_has_been_silent_makes_room_at_once() -> None:
    talk = Talk(10, 2).go_on(50, v3=SPEECH, v4=SPEECH).go_on(100, v3=ROOM)
    assert talk.group.packet(5, SPEECH, talk.now_us)
    assert talk.heard == [4, 5]
    assert talk.go_on(10).places[-1] == [5, 4]


def test_nobody_changes_places_and_who_comes_back_gets_the_old_one() -> None:
    talk = Talk(10, 3).go_on(20, v3=SPEECH).go_on(20, v4=SPEECH).go_on(20, v5=SPEECH)
    assert talk.places == [[3, 0, 0], [3, 4, 0], [3, 4, 5]]
    talk.group.leave(4)
    del talk.levels[4]
    assert talk.go_on(20).places[-1] == [3, 0, 5]
    talk.go_on(100, v3=ROOM, v5=ROOM).go_on(20, v6=SPEECH)
    assert talk.places[-1] == [3, 6, 5]
    talk.go_on(20, v7=SPEECH, v8=SPEECH)
    assert sorted(talk.places[-1]) == [6, 7, 8]
    place = talk.places[-1].index(6)
    talk.go_on(100, v6=ROOM).go_on(20, v9=SPEECH, v7=SPEECH, v8=SPEECH)
    assert talk.places[-1][place] == 9


def test_equal_voices_do_not_take_turns() -> None:
    talk = Talk(6, 2)
    for step in range(400):
        talk.go_on(1, **{f"v{id}": SPEECH + (step + id) % 3 for id in range(1, 7)})
        assert talk.heard == [1, 2]


def test_a_louder_voice_takes_the_place_of_the_quietest() -> None:
    talk = Talk(6, 2).go_on(100, v1=SPEECH, v2=SPEECH + 5)
    assert talk.go_on(20, v3=SHOUT).heard == [1, 3]


def test_not_before_the_other_has_been_heard_for_a_while() -> None:
    talk = Talk(6, 1).go_on(10, v1=SPEECH, v2=SHOUT)
    assert talk.heard == [1]
    assert talk.go_on(50).heard == [2]


def test_the_master_is_always_heard_and_takes_nobodys_place() -> None:
    talk = Talk(10, 2, always=(1,)).go_on(20, v2=SPEECH, v3=SPEECH)
    assert talk.heard == [1, 2, 3]


def test_microphones_without_levels_are_heard_while_there_is_room() -> None:
    group = SpeakerGroup(1)
    for id in (1, 2):
        group.join(id)
    now_us = 1_000_000
    for _ in range(100):
        group.packet(1, -1, now_us)
        now_us += PACKET_US
    assert group.heard == [1]
    for _ in range(10):
        group.packet(2, SPEECH, now_us)
        now_us += PACKET_US
    assert group.heard == [2]


def test_who_speaks_is_told_without_flicker() -> None:
    talk = Talk(10, 4).go_on(50)
    assert talk.told == []
    talk.go_on(10, v3=SPEECH)
    assert talk.told == [[3]]
    for _ in range(20):  # words and pauses
        talk.go_on(15, v3=SPEECH).go_on(15, v3=ROOM)
    assert talk.told == [[3]]
    talk.go_on(60, v3=ROOM)
    assert talk.told == [[3], []]
    assert talk.group.due_us == -1


def test_a_click_is_not_shown() -> None:
    talk = Talk(10, 4).go_on(50).go_on(1, v3=35).go_on(50, v3=ROOM)
    assert talk.told == []


def test_changes_are_told_at_most_five_times_a_second() -> None:
    talk = Talk(10, 4)
    chance = random.Random(3)
    for _ in range(500):
        talk.go_on(1, **{f"v{chance.randint(1, 10)}": chance.choice([SPEECH, ROOM])})
    assert len(talk.told) <= 500 // 10 + 1


def test_leaving_gives_the_place_back() -> None:
    talk = Talk(3, 1).go_on(20, v1=SPEECH)
    talk.group.leave(1)
    assert talk.group.packet(2, SPEECH, talk.now_us)
