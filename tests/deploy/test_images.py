"""The images' file systems, made by every instruction of the Containerfiles and run as the manifests say.

Slow: Debian and the packages are fetched, 6 GB for the server. A builder is not needed; where there is one,
`make image-client image-cpu` makes images of the same.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests
from PIL import Image as Picture

from client.http import CoroNetClient
from client.tokens import TokenSource
from launcher.torchserve_config import free_ports
from model_src.errors import ServerError
from model_src.time_limits import DRAIN, STOP
from phantoms.generate import make_phantom
from tests.deploy.containerfile import CONTAINERS
from tests.deploy.manifests import pods, templates, with_component
from tests.deploy.plain_root import Image, build, debian
from tests.fixtures.fake_server import fake_server  # noqa: F401 (fixture)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

COMPILERS = {"gcc", "g++", "cc", "c++", "clang", "cc1", "as", "ld", "make", "cmake", "rustc", "go", "pip", "pip3"}
USER = 10001


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Iterator[Path]:
    """A Debian to stand on."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("needs root and debootstrap (Debian: apt-get install debootstrap)")
    directory = debian(tmp_path_factory.mktemp("debian") / "root")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def client(base, tmp_path_factory) -> Iterator[Image]:
    """The client's image."""
    work = tmp_path_factory.mktemp("client")
    yield build(CONTAINERS / "Containerfile.client", base, work)
    shutil.rmtree(work)


@pytest.fixture(scope="module")
def server(base, tmp_path_factory) -> Iterator[Image]:
    """The server's image for a CPU, with both fronts.

    It takes PyPI's torch, since the index of PyTorch's own may be out of reach.
    """
    work = tmp_path_factory.mktemp("server")
    yield build(CONTAINERS / "Containerfile", base, work, TORCH_CPU_INDEX="", EXTRAS="serve,score,ray")
    shutil.rmtree(work)


def own(directory: Path) -> Path:
    """A new directory of the image's user."""
    directory.mkdir(mode=0o700, parents=True)
    os.chown(directory, USER, USER)
    return directory


def programs(image: Image) -> set[str]:
    """Names of everything that can be executed."""
    found = (path for path in image.root.rglob("*") if path.is_file() and os.access(path, os.X_OK))
    return {path.name for path in found}


def components(image: Image) -> dict[str, str]:
    """purl without its qualifiers and version -> version, of the bill of materials."""
    bill = json.loads((image.root / "usr/share/coronet/sbom.cdx.json").read_text())
    assert bill["specVersion"] == "1.6"
    return {each["purl"].partition("@")[0]: each["version"] for each in bill["components"] if "purl" in each}


@pytest.mark.parametrize("name", ["client", "server"])
def test_an_image_has_no_compiler_no_installer_and_nothing_of_the_checkout(name, request):
    image = request.getfixturevalue(name)
    assert programs(image) & COMPILERS == set()
    assert not (image.root / "src").exists()
    assert not list(image.root.rglob("key_file.json"))


@pytest.mark.parametrize("name", ["client", "server"])
def test_the_bill_of_materials_names_python_packages_and_debians(name, request):
    found = components(request.getfixturevalue(name))
    assert found["pkg:pypi/requests"] == "2.34.2"
    assert found["pkg:deb/debian/python3"].startswith("3.11")
    assert ("pkg:pypi/torch" in found) == (name == "server")
    assert ("pkg:pypi/pip" in found) is False


def test_the_client_asks_a_server_without_rights_and_writes_nothing(client, fake_server, tmp_path, phantom_png):  # noqa: F811
    films = own(tmp_path / "films")
    shutil.copy(phantom_png, films / "chest.png")
    (films / "token").write_text(fake_server.token)
    said = client.run("predict", "/mnt/chest.png", "--url", fake_server.url, "--token-file", "/mnt/token",
                      readable={"/mnt": films})  # fmt: skip
    assert "COVID-19" in said
    assert said.endswith("\n0")
    client.entrypoint, before = [], client.entrypoint
    try:
        said = client.run("sh", "-c", "id -u; touch /x; touch /var/lib/coronet/x; grep CapEff /proc/self/status")
    finally:
        client.entrypoint = before
    assert said.startswith(f"{USER}\n")
    assert said.count("Read-only file system") == 2
    assert "CapEff:\t0000000000000000" in said


def wait_for(what: Callable[[], bool], seconds: float) -> float:
    """Seconds until it is so."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds
        time.sleep(0.5)
    return time.monotonic() - begun


@pytest.mark.parametrize("front", ["TorchServe", "Ray Serve"])
def test_the_server_runs_as_a_pod_of_the_manifests(front, server, tmp_path, phantom_png):
    """Started, probed, asked, given another key and stopped, all as the Deployment for predictions has it."""
    deployments = templates(with_component("ray", tmp_path / "ray")) if front == "Ray Serve" else pods("cpu")
    (container,) = deployments["coronet-predictions"]["spec"]["containers"]
    port, metrics = free_ports(2)
    places = {"/tmp": own(tmp_path / "tmp"), "/var/lib/coronet": own(tmp_path / "state")}  # and the machine's /dev/shm
    keys = own(tmp_path / "keys")
    (keys / "current").write_text("first-key-of-this-test")
    os.chown(keys / "current", USER, USER)
    words = [*container["args"], "--port", str(port), "--metrics-port", str(metrics)]
    running = server.start(words, places, {"/etc/coronet/keys": keys})
    try:

        def probe(name: str) -> bool:
            command = container[name]["exec"]["command"][1:]
            return server.run(*command, "--url", f"http://127.0.0.1:{port}", writable=places,
                              readable={"/etc/coronet/keys": keys}).endswith("\n0")  # fmt: skip

        wait_for(lambda: running.poll() is not None or probe("startupProbe"), 300)
        assert running.poll() is None, running.communicate()[0]
        if front == "Ray Serve":
            ready = container["readinessProbe"]["httpGet"]["path"]
            assert requests.get(f"http://127.0.0.1:{port}{ready}", timeout=5).status_code == 200
        else:
            socket.create_connection(("127.0.0.1", port), 5).close()
        assert probe("livenessProbe")

        def asked(key: str) -> bool:
            try:
                answer = CoroNetClient(f"http://127.0.0.1:{port}", TokenSource(value=key)).predict(
                    phantom_png.read_bytes()
                )
            except ServerError:
                return False
            return "probabilities" in answer

        assert asked("first-key-of-this-test")
        assert not asked("another-key-of-this-test")
        (keys / "next").write_text("another-key-of-this-test")
        os.chown(keys / "next", USER, USER)
        assert wait_for(lambda: asked("another-key-of-this-test"), 30) < 10

        (first,) = psutil.Process(running.pid).children()
        first.send_signal(signal.SIGTERM)
        said, _ = running.communicate(timeout=DRAIN + STOP + 30)
        assert f"stopping {front}" in said
        assert (places["/var/lib/coronet"] / "coronet" / f"serve-{port}" / "logs").is_dir()
        assert list(places["/tmp"].glob("coronet-serve-*")) == []
    finally:
        running.kill()
        running.wait()


def test_pods_of_the_job_score_an_archive_between_them(server, tmp_path):
    """Two pods, one after the other, with the Job's arguments but for the number of pods."""
    (container,) = pods("score-cpu")["coronet-score"]["spec"]["containers"]
    words = [{"24": "2"}.get(word, word) for word in container["args"]] + ["--shard-films", "2"]
    films, scores = own(tmp_path / "films"), own(tmp_path / "scores")
    for number in range(5):
        Picture.fromarray(make_phantom(number % 3, seed=number, size=64).image).save(films / f"{number}.png")
        (films / f"{number}.png").chmod(0o644)
    places = {"/tmp": own(tmp_path / "tmp"), "/mnt": scores}
    for index in range(2):
        server.environment["JOB_COMPLETION_INDEX"] = str(index)
        said = server.run(*[word.replace("/scores", "/mnt").replace("/films", "/media") for word in words],
                          writable=places, readable={"/media": films})  # fmt: skip
        assert said.endswith("\n0"), said
    del server.environment["JOB_COMPLETION_INDEX"]
    said = server.run("score", "--out", "/mnt/run", "--verify", writable=places, readable={"/media": films})
    assert said.endswith("\n0"), said
    assert len(list((scores / "run" / "parts").glob("*.parquet"))) == 3
