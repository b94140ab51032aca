"""Bodies under limits, and who is let in before one is kept."""

from __future__ import annotations

import asyncio

import pytest

from fronts.answers import Answer, in_protocol, refusal, send_answer
from fronts.bodies import Bodies, Incoming, discard
from fronts.door import Door
from fronts.keys import FixedKey
from tests.fronts.asgi import Sender, ask, scope

KEY = "right-0123456789abcdef"


def read(bodies: Bodies, sender: Sender, **headers: str) -> bytes | Answer:
    async def run() -> bytes | Answer:
        try:
            async with bodies.body(scope(**headers), sender.receive) as body:
                return body
        except Answer as answer:
            return answer

    return asyncio.run(run())


def test_a_body_in_parts_is_put_together():
    assert read(Bodies(10, 100), Sender(b"ab", b"", b"cd"), content_length="4") == b"abcd"
    assert read(Bodies(10, 100), Sender(b"ab", b"cd"), transfer_encoding="chunked") == b"abcd"
    assert read(Bodies(10, 100), Sender()) == b""


@pytest.mark.parametrize("declared", ["11", "9" * 400])
def test_what_says_to_be_too_large_is_refused_unread(declared):
    sender = Sender(b"x" * 11)
    found = read(Bodies(10, 100), sender, content_length=declared)
    assert (found.status, found.close, sender.read) == (413, True, 0)


def test_what_becomes_too_large_is_refused_there():
    sender = Sender(b"x" * 6, b"x" * 6, b"x" * 6)
    assert read(Bodies(10, 100), sender, transfer_encoding="chunked").status == 413
    assert sender.read == 2


def test_silence_and_an_end_in_the_middle_are_said():
    assert read(Bodies(10, 100, silence=0.01), Sender(b"x", silent=True), content_length="2").status == 408
    assert read(Bodies(10, 100), Sender(b"x", leaves=True), content_length="2").status == 408


def test_bodies_of_all_requests_share_the_memory():
    bodies = Bodies(10, in_memory=15)

    async def run() -> list[int]:
        statuses = []
        async with bodies.body(scope(content_length="10"), Sender(b"x" * 10).receive):
            for head in (scope(content_length="6"), scope(transfer_encoding="chunked")):
                with pytest.raises(Answer) as refused:
                    async with bodies.body(head, Sender(b"x").receive):
                        pass
                statuses.append(refused.value.status)
        async with bodies.body(scope(content_length="10"), Sender(b"x" * 10).receive):
            return statuses  # the room is there again

    assert asyncio.run(run()) == [503, 503]


@pytest.mark.parametrize(
    ("headers", "parts", "whole", "taken"),
    [
        ({}, [b""], True, 1),
        ({"content_length": "4"}, [b"ab", b"cd"], True, 2),
        ({"content_length": "11"}, [b"x" * 11], False, 0),
        ({"content_length": "4", "expect": "100-continue"}, [b"abcd"], False, 0),
        ({"transfer_encoding": "chunked"}, [b"x" * 6] * 4, False, 2),
    ],
)
def test_what_nobody_wants_is_read_so_far(headers, parts, whole, taken):
    sender = Sender(*parts)
    assert asyncio.run(discard(scope(**headers), Incoming(sender.receive), 10)) is whole
    assert sender.read == taken


async def inside(head, receive, send):
    await send_answer(send, Answer(200, b"inside", "text/plain"))


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {KEY}", 200),
        (f"bearer  {KEY} ", 200),
        (KEY, 400),
        (f"Basic {KEY}", 400),
        ("Bearer ", 400),
        (f"Bearer {KEY}x", 400),
        (f"Bearer {KEY} {KEY}", 400),
        (None, 400),
    ],
)
def test_the_door(authorization, status):
    headers = {"authorization": authorization} if authorization is not None else {}
    response = asyncio.run(ask(Door(inside, FixedKey(KEY), 10), scope("/predictions/coronet", **headers)))
    assert response.status == status
    if status == 400:
        assert response.type == "InvalidKeyException"
        assert b"inside" not in response.body


def test_paths_that_need_no_key_are_exact():
    door = Door(inside, FixedKey(KEY), 10, ("/v2/health/live",))
    found = [
        asyncio.run(ask(door, scope(path, "GET"))).status for path in ("/v2/health/live", "/v2/health/live/", "/v2")
    ]
    assert found == [200, 400, 400]


def test_who_is_refused_gets_to_read_it_and_a_large_body_ends_the_connection():
    door = Door(inside, FixedKey(KEY), 10)
    sender = Sender(b"ab", b"cd")
    assert "connection" not in asyncio.run(ask(door, scope(content_length="4"), sender)).headers
    assert sender.read == 2
    assert asyncio.run(ask(door, scope(content_length="40"), Sender(b"ab"))).headers["connection"] == "close"


def test_errors_of_version_2_have_its_field():
    assert in_protocol(refusal(404, "X", "no"), "/v2/models/x").body.startswith(b'{"error": "no"')
    assert in_protocol(refusal(404, "X", "no"), "/predictions/x").body == refusal(404, "X", "no").body
