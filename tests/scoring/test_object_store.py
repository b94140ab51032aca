"""Films in an object store that speaks S3, through s3fs: a folder of it, and a tar in it."""

from __future__ import annotations

import pytest
from s3fs import S3FileSystem

from tests.fixtures.object_store import object_store
from tests.scoring.runs import rows, score_here
from tests.scoring.test_sources import tar_of

_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.mark.parametrize("source", ["s3://archive/films", "s3://archive/films.tar"])
def test_films_of_an_object_store_are_scored(source, make_png, options, run_folder, monkeypatch):
    films = {"a/black.png": make_png(0), "b.png": b"no picture", "white.png": make_png(255)}
    objects = {f"films/{name}": content for name, content in films.items()} | {"films.tar": tar_of(films)}
    S3FileSystem.clear_instance_cache()
    for name, value in _KEYS.items():
        monkeypatch.setenv(name, value)
    with object_store("archive", objects) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        outcome, _ = score_here(run_folder, options(source))
    S3FileSystem.clear_instance_cache()
    assert (outcome.scored.answered, outcome.scored.errors) == (2, 1)
    found = {row["film"].removeprefix(f"{source}/"): row["label"] or row["error"] for row in rows(run_folder)}
    assert found == {"a/black.png": "Pneumonia", "b.png": "InvalidImage", "white.png": "Healthy"}
