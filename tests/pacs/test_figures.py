"""The metrics page of a node."""

from __future__ import annotations

import pytest
import requests

from launcher.torchserve_config import free_ports
from model_src.errors import ServerError
from pacs.figures import Figures, MetricsPage


def test_films_by_outcome_and_the_seconds_they_took():
    figures = Figures()
    figures.count("accepted")
    figures.count_failed_try()
    for seconds in (0.5, 3.0, 1e6):
        figures.count_done(seconds)
    lines = figures.prometheus(waiting=7, failed=2).splitlines()
    for line in (
        "coronet_pacs_waiting 7",
        "coronet_pacs_in_failed 2",
        'coronet_pacs_films_total{outcome="accepted"} 1',
        'coronet_pacs_films_total{outcome="failed"} 0',
        'coronet_pacs_films_total{outcome="done"} 3',
        "coronet_pacs_failed_tries_total 1",
        'coronet_pacs_seconds_bucket{le="0.5"} 1',
        'coronet_pacs_seconds_bucket{le="2"} 1',
        'coronet_pacs_seconds_bucket{le="5"} 2',
        'coronet_pacs_seconds_bucket{le="+Inf"} 3',
        "coronet_pacs_seconds_count 3",
    ):
        assert line in lines


def test_the_page_is_served_at_one_path():
    (port,) = free_ports(1)
    page = MetricsPage(port, lambda: "figures 1\n")
    try:
        found = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5)
        assert (found.text, found.headers["Content-Type"]) == (
            "figures 1\n",
            "text/plain; version=0.0.4; charset=utf-8",
        )
        assert requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code == 404
        with pytest.raises(ServerError, match=f"metrics_port: port {port} cannot be had"):
            MetricsPage(port, lambda: "")
    finally:
        page.close()
