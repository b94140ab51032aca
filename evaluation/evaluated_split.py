"""Which images a model is evaluated on; for a run, the validation split that its training made can be made again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model_src.errors import DataError
from train.data.data_dir import Split, list_splits, read_data_dir
from train.data.examples import Example, class_counts
from train.data.several import DataDirs, as_paths, listed
from train.data.split import image_list, read_training_data
from train.runs.run_folder import RunFolder


def evaluated_examples(
    model: Path,
    data_dirs: DataDirs,
    split: Split,
    roots: Sequence[Path] = (),
    *,
    missing_ok: bool = False,
    reads: Path | None = None,
) -> list[Example]:
    """The examples of `split`; "validation" of data without such a split is what training set aside.

    Args:
        model: run folder, artefact folder or archive; only a run folder says how validation patients were drawn.
        data_dirs, split, roots, missing_ok: as for `read_data_dir`.
        reads: the table of radiologists' reads that the run was trained with; of use for its validation split alone.

    Raises:
        DataError: as `read_data_dir`; or validation is asked for and the run was trained on other data.
    """
    paths = as_paths(data_dirs)
    if split != "validation" or "validation" in list_splits(paths, roots) or not (model / "run.json").is_file():
        return read_data_dir(paths, split, roots, missing_ok=missing_ok)
    record = RunFolder(model).record()
    fraction, wanted = record.recipe.validation_fraction, record.data.validation
    data = read_training_data(
        paths, roots, fraction=fraction, seed=record.seed, missing_ok=missing_ok, reads=reads
    )  # fmt: skip
    found = class_counts(data.validation)
    same_images = record.image_list in (None, image_list(data))  # older runs do not say
    if found == wanted and not same_images:
        raise DataError(
            f"{listed(paths)}: the validation split of {model} cannot be made from it: its images, labels or patients "
            "are not those of the training; give the data (and --reads) that the run was trained on, or data with a "
            "validation split"
        )
    if found != wanted:
        raise DataError(
            f"{listed(paths)}: the validation split of {model} cannot be made from it: training held out "
            f"{_listed(wanted) if wanted else 'nothing'}, here it would be {_listed(found)}; give the data (and "
            "--reads) that the run was trained on, or data with a validation split of its own"
        )
    return data.validation


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
