"""The metrics page."""

from __future__ import annotations

from web.figures import Figures


def test_requests_are_counted_by_kind_and_status_and_good_ones_timed():
    figures = Figures()
    figures.answered("film", 200, 0.07)
    figures.answered("film", 200, 700.0)
    figures.answered("film", 415, 0.01)
    figures.cancelled()
    figures.watch("films", lambda: 3)
    lines = figures.prometheus().splitlines()
    assert 'coronet_web_requests_total{kind="film",status="200"} 2' in lines
    assert 'coronet_web_requests_total{kind="film",status="415"} 1' in lines
    assert 'coronet_web_working{kind="films"} 3' in lines
    assert "coronet_web_cancelled_total 1" in lines
    assert 'coronet_web_film_seconds_bucket{le="0.05"} 0' in lines
    assert 'coronet_web_film_seconds_bucket{le="0.1"} 1' in lines
    assert 'coronet_web_film_seconds_bucket{le="600"} 1' in lines
    assert 'coronet_web_film_seconds_bucket{le="+Inf"} 2' in lines
    assert "coronet_web_film_seconds_sum 700.07" in lines
    assert "coronet_web_film_seconds_count 2" in lines


def test_the_page_is_there_before_the_first_request(site):
    response = site.get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'coronet_web_working{kind="explanations"} 0' in response.text
    assert "coronet_web_requests_total{" not in response.text
