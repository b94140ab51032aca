"""One `coronet evaluate`: everything that can be refused is refused first, then the work, then the report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evaluation.abstention.study import AbstentionStudy, open_outside, study_abstention
from evaluation.classifiers import load_classifier
from evaluation.data_facts import DataFacts
from evaluation.drawing import draw, draw_explanations
from evaluation.engine_check import open_classifier
from evaluation.evaluate import Evaluation, evaluate
from evaluation.evaluated_split import evaluated_examples
from evaluation.galleries import PATIENTS_PER_CLASS
from evaluation.honest import require_sources
from evaluation.maps.film_network import explainable
from evaluation.maps.marked_split import study_split
from evaluation.maps.options import MapOptions, open_marks
from evaluation.maps.study import MapStudy
from evaluation.report import check_target, write_report
from explanations import parse_options
from model_src.engines.settings import EngineSettings
from model_src.numerics import set_repeatable_float32
from train.data.data_dir import Split, describe_data, folder_of, list_splits, read_collection
from train.data.reads import Corrected, corrected, read_reads
from train.data.several import DataDirs, as_paths, directory_names
from train.device import choose_compute

GPU_BATCH = 32


@dataclass(frozen=True)
class EvaluationOptions:
    """What is evaluated on what, and how.

    Attributes:
        model: run folder, artefact folder or .mar.
        data_dirs, roots, split: as for `train.data.data_dir.read_data_dir`.
        out: folder of the report.
        probe_shortcuts: evaluate altered images as well.
        methods: explanation methods to draw.
        maps: what maps are held against.
        outside: folders or lists of films that the model cannot be asked about; None: none, not even generated ones.
        explained_patients: per class.
        batch_size: images per step; None: GPU_BATCH on a GPU, 1 on a CPU, where more are no faster and take memory.
        device: "auto", "cpu" or "cuda".
        engine: run by this engine of the server, and compare; None: the artefacts in float32.
        skip_unreadable: leave unreadable images out and list them.
        seed: of resampling and chosen images.
        reads: a table of radiologists' reads that correct labels.
        paper_sources: sources whose films stand beside the paper's tables, none for all.
    """

    model: Path
    data_dirs: DataDirs
    out: Path
    split: Split = "test"
    roots: Sequence[Path] = ()
    probe_shortcuts: bool = False
    methods: Sequence[str] = ()
    explained_patients: int = PATIENTS_PER_CLASS
    maps: MapOptions = field(default_factory=MapOptions)
    outside: Sequence[Path] | None = None
    batch_size: int | None = None
    device: str = "auto"
    engine: EngineSettings | None = None
    skip_unreadable: bool = False
    seed: int = 0
    reads: Path | None = None
    paper_sources: Sequence[str] = ()


@dataclass(frozen=True)
class EvaluationRun:
    """What came of it; the report is written."""

    evaluation: Evaluation
    data: DataFacts
    maps: MapStudy | None
    abstention: AbstentionStudy | None
    warnings: list[str]


def run_evaluation(options: EvaluationOptions, command: Sequence[str]) -> EvaluationRun:
    """Evaluate, and write the report with `command` in it.

    Raises:
        OutputError, DataError: the report cannot be written to `out`, or the data cannot be used.
        InvalidRequest: an unknown explanation method.
        RunError, ArtefactError: the model or the engine cannot be used.
    """
    check_target(options.out)
    explained = [parse_options({"method": method, "seed": options.seed}) for method in options.methods]
    device = choose_compute(options.device, "float32").device
    examples = evaluated_examples(
        options.model,
        options.data_dirs,
        options.split,
        options.roots,
        missing_ok=options.skip_unreadable,
        reads=options.reads,
    )
    folders = [*map(folder_of, as_paths(options.data_dirs))]
    found = None
    if options.reads:
        examples, found = corrected(examples, read_reads(options.reads), [*folders, *options.roots])
    require_sources(options.paper_sources, [example.source for example in examples])
    data = _data_facts(options, found)
    set_repeatable_float32()
    loaded = load_classifier(options.model, device)
    classifier = loaded if options.engine is None else open_classifier(loaded, options.engine)

    roots = [*_named_below(folders), *options.roots]
    marks = open_marks(
        options.maps, [example.path for example in examples], [*folders, *options.roots], classifier.image_size
    )
    outside = None if options.outside is None else open_outside(options.outside, roots, loaded.judge)
    evaluation = evaluate(
        classifier,
        examples,
        roots,
        batch_size=options.batch_size or (GPU_BATCH if device.type == "cuda" else 1),
        seed=options.seed,
        probe_shortcuts=options.probe_shortcuts,
        skip_unreadable=options.skip_unreadable,
        paper_sources=options.paper_sources,
        judge=loaded.judge,
    )
    figures, pictures, warnings = draw(evaluation), [], []
    if classifier.coronet is not None:
        pictures = [
            draw_explanations(evaluation, classifier.coronet, method, per_class=options.explained_patients)
            for method in explained
        ]
    elif explained:
        warnings.append("explanations are left out: they need CoroNet's residuals, and this is a baseline")
    maps = None
    if marks:
        training = [example.path for example in list_splits(options.data_dirs, options.roots).get("train", [])]
        maps = study_split(evaluation, explainable(loaded.model), marks, training, options.maps)
    abstention = study_abstention(evaluation, loaded.judge, outside) if loaded.judge else None
    write_report(
        evaluation, data, figures, pictures, options.out, maps=maps, abstention=abstention, command=command
    )  # fmt: skip
    return EvaluationRun(evaluation, data, maps, abstention, warnings)


def _named_below(folders: Sequence[Path]) -> list[Path]:
    """Where films' paths begin in the report: at the one directory, or where several have their names from."""
    try:
        return [Path(os.path.commonpath(folders))] if len(folders) > 1 else list(folders)
    except ValueError:  # some are absolute and some are not
        return []


def _data_facts(options: EvaluationOptions, reads: Corrected | None) -> DataFacts:
    """What the report says of the data."""
    paths = as_paths(options.data_dirs)
    described = describe_data(paths, options.roots)
    collection = read_collection(paths, options.roots)
    patients = {name: {example.patient for example in examples} for name, examples in collection.splits.items()}
    shared = patients.get("train", set()) & patients.get(options.split, set()) if options.split != "train" else set()
    return DataFacts(
        str(described["name"]),
        options.split,
        str(described["kind"]),
        len(shared),
        tuple(directory_names(paths)) if len(paths) > 1 else (),
        (*collection.notes, *([reads.sentence] if reads else [])),
        asdict(reads) if reads else None,
    )
