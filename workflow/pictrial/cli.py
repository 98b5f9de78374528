"""The command `pictrial`: single pieces of the pipeline, for labs and for scripts.

Thin: each command reads its input, calls the room that does the work and writes its output. Heavy
imports wait until a command needs them. Bad input ends with one line on stderr and status 2.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pictrial.errors import InputError
from pictrial.lineage_command import add_lineage
from pictrial.new_command import add_new
from pictrial.power_command import add_power
from pictrial.stage_command import add_stage
from pictrial.verify_command import add_verify

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from pictrial.decomposition.model import Decomposition
    from pictrial.recordings.model import Recording

EXAMPLES = """examples:
  pictrial new config/my_trial
  pictrial import-otb raw.otb+ --bids my_trial/bids --subject 01 --session 1 --task ramp
  pictrial decompose export.mat --output decomposed --threads 2
  pictrial decompose my_trial/bids/sub-01/ses-1/emg/sub-01_ses-1_task-ramp_run-1_emg.bdf --output decomposed
  pictrial import-decomposition demuse.mat --recording export.mat --output decomposed
  pictrial export-decomposition decomposed/export_desc-decomposed_events.tsv --recording export.mat \\
    --format muedit --output for_editing.mat
  pictrial import-edits decomposed/export_desc-decomposed_events.tsv edited.mat --editor "A. B." \\
    --reason "missed discharges" --output edits
  pictrial delta-f decomposed/export_desc-decomposed_events.tsv --output pairs.tsv
  pictrial lmm outcomes.csv "delta_f ~ condition + (1 | participant)" --levels condition=control,RI,WBR \\
    --emm "~ condition" --adjust holm --output result.csv
  pictrial power --participants 8,12,16 --units 8 --effect RI=-0.45,WBR=-0.4 \\
    --sd participant=0.7,participant:condition=0.3,participant:unit=0.95,residual=0.6 --output power.tsv
  pictrial stage config/config.yaml masked --by "A. B."
  pictrial verify results/sample --expected config/expected
  pictrial lineage results/sample
  pictrial bundle config/config.yaml --output build/reviewers.tar.gz
"""
#: What every command takes that reads a recording.
RECORDINGS = "a BIDS .bdf or .edf, or an OTBioLab+ .mat, .otb+ or .otb4"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its status: 0, 1 where `verify` finds a difference, 2 after bad input."""
    options = command_line().parse_args(arguments)
    try:
        return options.run(options) or 0
    except (InputError, OSError) as error:
        print(f"pictrial {options.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def command_line() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="pictrial",
        description="Single pieces of the pipeline; `make` or `snakemake` runs whole trials.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    add_new(commands)

    otb = commands.add_parser("import-otb", help="turn an OTBioLab+ recording into EMG-BIDS")
    otb.add_argument("file", type=Path, metavar="FILE", help="a .mat export, or a raw .otb+ or .otb4")
    otb.add_argument("--bids", type=Path, required=True, metavar="DIR", help="data set, made or extended")
    otb.add_argument("--subject", required=True, help="label of the participant, such as 01")
    otb.add_argument("--session", required=True, help="label of the session, such as 1")
    otb.add_argument("--task", required=True, help="label of the task, such as ramp")
    otb.set_defaults(run=_import_otb)

    separate = commands.add_parser("decompose", help="separate the motor units of one recording")
    separate.add_argument("recording", type=Path, metavar="RECORDING", help=RECORDINGS)
    separate.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the results go")
    separate.add_argument("--threads", type=_positive, default=1, metavar="N", help="default: 1")
    separate.set_defaults(run=_decompose)

    _add_exchange(commands)

    delta_f = commands.add_parser("delta-f", help="estimate ΔF of every pair of motor units")
    delta_f.add_argument(
        "events", type=Path, metavar="EVENTS.tsv", help="discharges, as `decompose` writes them"
    )
    delta_f.add_argument("--output", type=Path, required=True, metavar="PAIRS.tsv")
    delta_f.add_argument("--smoother", default="spline", metavar="NAME", help="default: spline")
    delta_f.set_defaults(run=_delta_f)

    _add_lmm(commands)
    add_power(commands)
    add_stage(commands)
    add_verify(commands)
    add_lineage(commands)
    return parser


def _add_exchange(commands) -> None:
    recording_help = f"the recording it was made from: {RECORDINGS}"
    events_help = "discharges, as `decompose` writes them, with the files beside them"
    foreign = commands.add_parser("import-decomposition", help="make another tool's decomposition ours")
    foreign.add_argument("file", type=Path, metavar="FILE", help="of DEMUSE, MUedit, OTBioLab+ or openhdemg")
    foreign.add_argument("--recording", type=Path, required=True, metavar="RECORDING", help=recording_help)
    foreign.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the results go")
    foreign.set_defaults(run=_import_decomposition)

    export = commands.add_parser("export-decomposition", help="write a decomposition for manual editing")
    export.add_argument("events", type=Path, metavar="EVENTS.tsv", help=events_help)
    export.add_argument("--recording", type=Path, required=True, metavar="RECORDING", help=recording_help)
    export.add_argument("--format", required=True, choices=["muedit", "openhdemg"], help="the editor")
    export.add_argument("--output", type=Path, required=True, metavar="FILE", help=".mat or .json")
    export.set_defaults(run=_export_decomposition)

    edits = commands.add_parser("import-edits", help="turn an edited decomposition into a table of edits")
    edits.add_argument("before", type=Path, metavar="EVENTS.tsv", help=events_help)
    edits.add_argument("after", type=Path, metavar="FILE", help="the file that the editor wrote")
    edits.add_argument("--editor", required=True, help="who edited")
    edits.add_argument("--reason", required=True, help="why")
    edits.add_argument("--date", help="when, as YYYY-MM-DD; default: today")
    edits.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the edits")
    edits.set_defaults(run=_import_edits)


def _add_lmm(commands) -> None:
    lmm = commands.add_parser("lmm", help="fit a linear mixed model, with marginal means and contrasts")
    lmm.add_argument("data", type=Path, metavar="DATA.csv", help="one row per observation; or a .tsv")
    lmm.add_argument("formula", metavar="FORMULA", help="in the syntax of lme4")
    lmm.add_argument(
        "--levels",
        action="append",
        default=[],
        metavar="COLUMN=A,B,…",
        help="levels of a factor, reference first; otherwise text is a factor with sorted levels",
    )
    lmm.add_argument("--emm", metavar="MEANS", help="marginal means to compare: '~ condition | sex'")
    lmm.add_argument(
        "--df", choices=["kenward-roger", "satterthwaite", "both"], default="both", help="default: both"
    )
    lmm.add_argument(
        "--adjust",
        action="append",
        metavar="NAME",
        help="adjustment of P, repeatable: bonferroni, holm, hochberg, hommel, sidak, BH, tukey (pairwise), "
        "dunnettx (against the first level), mvt; default: all but hochberg and hommel",
    )
    kind = lmm.add_mutually_exclusive_group()
    kind.add_argument("--reml", action="store_true", help="tests after REML, ML beside it; the default")
    kind.add_argument("--ml", action="store_true", help="maximum likelihood only, without tests")
    lmm.add_argument(
        "--profile",
        action=argparse.BooleanOptionalAction,
        help="profile-likelihood intervals; default: where no random term has more than two effects",
    )
    lmm.add_argument("--output", type=Path, required=True, metavar="RESULT.csv")
    lmm.set_defaults(run=_lmm)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _import_otb(options: argparse.Namespace) -> None:
    from pictrial.recordings.otb import import_otb

    path = import_otb(options.file, options.bids, options.subject, options.session, options.task)
    print(path)


def _decompose(options: argparse.Namespace) -> None:
    from threadpoolctl import threadpool_limits

    from pictrial.decomposition.candidates import DecompositionSettings
    from pictrial.decomposition.separation import decompose
    from pictrial.decomposition.storage import write_decomposition
    from pictrial.tables import write_table

    with threadpool_limits(options.threads):
        conditioned, good, channels = _condition(options.recording)
        decomposition = decompose(conditioned, good, DecompositionSettings(), options.threads)
    stem = options.output / conditioned.name
    write_table(channels, f"{stem}_desc-quality_channels.tsv", "quality_channels")
    write_decomposition(decomposition, options.output, "decomposed")
    print(f"{stem}_desc-decomposed_events.tsv: {len(decomposition.discharges)} motor units")


def _condition(path: Path) -> tuple["Recording", "np.ndarray", "pd.DataFrame"]:
    """Return the conditioned recording, which of its channels are good, and their quality."""
    from pictrial.recordings.conditioning import ConditioningSettings, condition_emg
    from pictrial.recordings.quality import QualitySettings, assess_channels

    recording, marked_bad = _read_recording(path)
    channels = assess_channels(recording, QualitySettings(), marked_bad)
    good = (channels["status"] == "good").to_numpy(dtype=bool)
    return condition_emg(recording, good, ConditioningSettings())[0], good, channels


def _read_recording(path: Path) -> tuple["Recording", tuple[str, ...]]:
    """Return the recording, which needs no torque here, and the channels that its sidecar marks bad."""
    if path.suffix in (".mat", ".otb+", ".otb4"):
        from pictrial.recordings.otb import read_otb

        return read_otb(path, require_torque=False)[0], ()
    if path.suffix in (".bdf", ".edf"):
        from pictrial.recordings.bids import channels_marked_bad, read_bids_recording

        return read_bids_recording(path, require_torque=False), channels_marked_bad(path)
    raise InputError(path, f"{path.suffix!r} is no format of recordings", f"Give {RECORDINGS}.")


def _import_decomposition(options: argparse.Namespace) -> None:
    from pictrial.decomposition.candidates import DecompositionSettings
    from pictrial.decomposition.exchange_foreign import import_decomposition, read_foreign
    from pictrial.decomposition.storage import write_decomposition

    foreign = read_foreign(options.file)
    conditioned, good, _ = _condition(options.recording)
    decomposition = import_decomposition(foreign, conditioned, good, DecompositionSettings())
    write_decomposition(decomposition, options.output, "imported")
    _tell(foreign.left_out | foreign.repaired)
    stem = options.output / f"{conditioned.name}_desc-imported"
    print(f"{stem}_events.tsv: {len(decomposition.discharges)} motor units of {foreign.tool}")


def _export_decomposition(options: argparse.Namespace) -> None:
    from pictrial.decomposition.exchange_foreign import export_for_editing

    decomposition = _read_decomposition(options.events)
    conditioned, good, _ = _condition(options.recording)
    export_for_editing(options.output, options.format, decomposition, conditioned, good)
    print(f"{options.output}: {len(decomposition.discharges)} motor units")


def _import_edits(options: argparse.Namespace) -> None:
    from datetime import date

    from pictrial.decomposition.candidates import DecompositionSettings
    from pictrial.decomposition.edits import append_edits, difference
    from pictrial.decomposition.exchange_foreign import check_same_recording, read_foreign

    before, after = _read_decomposition(options.before), read_foreign(options.after)
    check_same_recording(after, before.sampling_rate, before.n_samples)
    _tell(after.left_out | after.repaired)
    day = options.date or date.today().isoformat()
    same_unit = DecompositionSettings().duplicate_agreement
    edits = difference(before, after.discharges, same_unit, options.editor, day, options.reason)
    path = options.output / f"{before.recording}_edits.tsv"
    if len(edits):
        append_edits(path, edits)
    counts = ", ".join(f"{count} {name}" for name, count in edits["operation"].value_counts().items())
    print(f"{path}: {counts}" if counts else f"{options.after}: nothing was edited")


def _tell(remarks: dict[str, str]) -> None:
    for unit, remark in remarks.items():
        print(f"{unit}: {remark}")


def _read_decomposition(events: Path) -> "Decomposition":
    """Read the decomposition to which an events table belongs."""
    from pictrial.decomposition.storage import read_decomposition

    recording, _, rest = events.name.rpartition("_desc-")
    description = rest.removesuffix("_events.tsv")
    if not recording or description == rest:
        remedy = "Give the `…_desc-…_events.tsv` that `decompose` wrote."
        raise InputError(events, "it is not the events table of a decomposition", remedy)
    return read_decomposition(events.parent, recording, description)


def _delta_f(options: argparse.Namespace) -> None:
    from pictrial.decomposition.storage import read_discharges
    from pictrial.motor_units.delta_f import estimate_delta_f
    from pictrial.motor_units.smoothing import RateSettings
    from pictrial.tables import write_table

    pairs = estimate_delta_f(read_discharges(options.events), rates=RateSettings(options.smoother))
    write_table(pairs.assign(participant=None, session=None), options.output, "pairs")
    print(f"{options.output}: {len(pairs)} pairs, {int(pairs['passed'].sum())} passed")


def _lmm(options: argparse.Namespace) -> None:
    from pictrial.statistics.linear_mixed_model import fit_linear_mixed_model
    from pictrial.statistics.model_arrays import NotEstimable
    from pictrial.statistics.model_formula import parse_model_formula
    from pictrial.statistics.model_matrices import build_model
    from pictrial.statistics.multiplicity import check_adjustment
    from pictrial.statistics.reference_layout import (
        DEFAULT_ADJUSTMENTS,
        fit_rows,
        model_rows,
        summary,
        write_layout,
    )

    formula = parse_model_formula(options.formula)
    levels = _levels(options.levels)
    adjustments = [check_adjustment(name) for name in options.adjust or DEFAULT_ADJUSTMENTS]
    frame = _read_table(options.data)
    for name in levels:
        if name not in frame:
            raise InputError(options.data, f"there is no column {name!r}", "Correct --levels.")
    complete = frame.dropna(subset=[name for name in formula.names if name in frame])
    inferences = {"kenward-roger": ["kr"], "satterthwaite": ["satt"], "both": ["satt", "kr"]}[options.df]
    try:
        design = build_model(complete, formula, levels)
        if options.ml:
            rows = list(fit_rows(fit_linear_mixed_model(design.matrices, reml=False)))
        else:
            rows = model_rows(design, inferences, options.emm, adjustments, options.profile)
    except NotEstimable as reason:
        raise InputError(options.data, str(reason), "Give more data, or a smaller model.") from None
    left_out = len(frame) - len(complete)
    write_layout([*rows, ("fit", "", "n_left_out", left_out)], options.output)
    if left_out:
        print(f"{options.data}: {left_out} of {len(frame)} rows left out, a column of the formula is empty")
    if design.dropped:
        print(f"left out, because other columns say the same: {', '.join(design.dropped)}")
    print(summary(rows))
    print(f"{options.output}: {len(complete)} observations")


def _levels(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return the levels that `COLUMN=A,B` name."""
    levels: dict[str, list[str]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        levels[name.strip()] = [value.strip() for value in values.split(",")]
        if not name.strip() or not all(levels[name.strip()]):
            raise InputError(f"--levels {text}", "it is not COLUMN=A,B,…", "Name the reference level first.")
    return levels


def _read_table(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        # pandas alone would also take a level called None for a missing value.
        missing = ["", "NA", "NaN", "nan", "n/a"]
        separator = "\t" if path.suffix == ".tsv" else ","
        return pd.read_csv(path, sep=separator, keep_default_na=False, na_values=missing)
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "Check the path.") from None
    except ValueError as error:
        raise InputError(path, f"not a CSV table ({error})", "Give one row per observation.") from error


if __name__ == "__main__":
    sys.exit(main())
