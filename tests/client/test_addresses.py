"""What is an address of a server, and what is said of one that is not."""

from __future__ import annotations

import pytest

from client.addresses import is_local, split_url
from client.http import CoroNetClient
from model_src.errors import ServerError


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://localhost", True),
        ("http://[::1]:8080", True),
        ("https://coronet.example/path", False),
        ("http://[2001:db8::5]:8080", False),
    ],
)
def test_addresses(url, local):
    assert is_local(url) == local


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:8080", "the address localhost:8080 has no scheme: need one like http://localhost:8080"),
        ("coronet", "need one like http://coronet"),
        ("ftp://localhost", "not an http or https address"),
        ("http://", "names no host"),
        ("http://host:99999", "need one like http://"),
        ("http://[::1", "IPv6 in brackets"),
        ("http://a..b:8080", "is not an address"),
        (f"http://{'a' * 64}:8080", "is not an address"),
    ],
)
def test_what_is_none_is_said_in_one_line(url, says):
    with pytest.raises(ServerError) as caught:
        split_url(url)
    assert says in str(caught.value)
    with pytest.raises(ServerError, match="need one like http://"):
        CoroNetClient(url, "secret")
