"""The page of what `coronet score` writes, from the table of its columns."""

from __future__ import annotations

import inspect

from docs.generator.markdown import page, table
from scoring import failures
from scoring.columns import COLUMNS
from scoring.failures import FilmError

_FILES = (
    ("`run.json`", "sources, digest of the model, settings, versions, digests of the shards; written last"),
    ("`model.mar`", "a copy of the archive: another machine needs this folder and the films, and nothing else"),
    ("`manifest.parquet`", "every film: address, size, time of change, identity; a row group is a shard"),
    (
        "`parts/SHARD-HASH.parquet`",
        "the rows of a shard; `HASH` is of shard, model, settings and versions",
    ),
    ("`summary.html`, `summary.json`", "counts, errors by kind, residuals; once no part is missing"),
    ("`lock`", "held while somebody works here; empty, and stays"),
)


def parts_page() -> str:
    """docs/reference/score-parts.md"""
    kinds = [
        (f"`{kind.__name__}`", inspect.getdoc(kind))
        for _, kind in inspect.getmembers(failures, inspect.isclass)
        if issubclass(kind, FilmError) and kind is not FilmError
    ]
    return page(
        "What coronet score writes",
        "A folder for each run. How to make one: [score an archive](../how-to/score-an-archive.md).",
        "## Files",
        table(["file", "what it is"], _FILES),
        "A file appears whole or not at all. None of them, but for `lock`, holds a time of its making or a name of a "
        "machine: the same films, model, settings and versions give the same bytes on the same kind of processor, "
        "whatever was killed and by however many workers it was made. Another kind of processor may differ in the last "
        "digits of a number.",
        "## Columns of a part",
        "One row a film, in the order of the manifest. Every column may be null. Written with zstd, as version 2.6 of "
        "Parquet, with a checksum on each page.",
        table(["column", "type", "what it holds"], [(f"`{c.name}`", f"`{c.type}`", c.holds) for c in COLUMNS]),
        "The file's own metadata has `coronet.answered`, `coronet.errors` and `coronet.settings`, a digest of model "
        "and settings.",
        "## Kinds of errors",
        "The column `error` is null for a film that was answered. Else it holds a name of the table under "
        "[Over HTTP](errors.md#over-http), such as `InvalidImage`, or one of these:",
        table(["kind", "when"], kinds),
        "A place that does not answer, such as a PACS that is down or a folder that is not mounted, is no film's "
        "error: the run stops, and what is done stays.",
    )
