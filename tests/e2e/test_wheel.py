"""The wheel serves: with the extra `serve` alone, from an empty directory, with nothing to configure."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from launcher.torchserve_config import free_ports
from tests.e2e.user import START_SECONDS, STOP_SECONDS
from tests.fixtures.wheel import install, sources, wheel  # noqa: F401 (fixtures)


def test_the_shipped_model_is_served(wheel: Path, tmp_path: Path, phantom_png: Path) -> None:  # noqa: F811
    coronet = install(wheel, tmp_path, "serve") / "coronet"
    (tmp_path / "empty").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    port, metrics_port = free_ports(2)
    serving = subprocess.Popen(
        [coronet, "serve", "--port", str(port), "--metrics-port", str(metrics_port), "--workers", "1"],
        cwd=tmp_path / "empty",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert serving.stdout
        lines = []
        for line in serving.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        assert serving.poll() is None, "".join(lines)
        assert lines[0].startswith(f"packing the shipped model into {tmp_path}/coronet/model-store-")
        done = subprocess.run(
            [coronet, "predict", phantom_png, "--url", f"http://127.0.0.1:{port}"],
            cwd=tmp_path / "empty",
            env=environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{phantom_png}  ")
    finally:
        serving.terminate()
        serving.communicate(timeout=STOP_SECONDS)
    assert serving.returncode == 0
