"""How well VibStim's outcomes are recovered from simulated recordings, and what cleaning the EMG is worth.

    python benchmarks/vibstim.py --recordings 240 --output benchmarks/results/vibstim.tsv

Recordings as in the sample trial, three sessions (one per condition) of each of many people, with the
artefacts and M-waves of NMES, vibration of 80, 97.3, 100 or 115 Hz in the EMG, mains and noise. Three
variants: as configured, without blanking the pulses, without removing the vibration. Prints a table.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pictrial.files import atomic_path
from pictrial.recordings.model import Recording
from pictrial.reporting.vibstim_truth import compare_vibstim
from pictrial.simulation.contractions import SampleTrialSettings, SimulatedParticipant
from pictrial.simulation.soleus import SOLEUS, SOLEUS_CHANNEL, soleus_emg
from pictrial.simulation.torque import maximal_effort, maximal_torque
from pictrial.simulation.vibstim import simulate_vibstim
from pictrial.simulation.vibstim_response import draw_vibstim_levels, sustained_torque
from pictrial.vibstim.outcomes import VibstimSettings, measure_vibstim
from pictrial.vibstim.settings import CleaningSettings

SEED = 29
CONDITIONS = ("control", "stimulation", "relaxation")
FREQUENCIES = (80.0, 97.3, 100.0, 115.0)
VARIANTS = {
    "as configured": VibstimSettings(),
    "pulses not blanked": VibstimSettings(cleaning=CleaningSettings(blank_before=0.0, blank_after=0.0)),
    "vibration left in": VibstimSettings(cleaning=CleaningSettings(harmonics=0)),
}


def simulated(n_recordings: int) -> Iterator[tuple[Recording, pd.DataFrame, Recording, pd.DataFrame]]:
    """Yield recordings, each with its events, maximal contraction and truth (schema ``true_vibstim``)."""
    for number in range(n_recordings):
        person_number, period = divmod(number, len(CONDITIONS))
        settings = SampleTrialSettings()
        frequency = FREQUENCIES[person_number % len(FREQUENCIES)]
        timing = replace(settings.vibstim.timing, vibration_frequency=frequency)
        settings = replace(settings, vibstim=replace(settings.vibstim, timing=timing))
        person = SimulatedParticipant(settings, SEED, f"{person_number:03d}")
        session, condition = str(period + 1), CONDITIONS[period]
        recording, events, truth = simulate_vibstim(person, session, condition)
        truth = pd.concat([truth, _between_pulses(person, session, condition)], ignore_index=True)
        truth = truth.assign(participant=person.participant, session=session)
        yield recording, events, _maximal(person, session), truth


def _between_pulses(person: SimulatedParticipant, session: str, condition: str) -> pd.DataFrame:
    """Return the true EMG of the last bout, which the simulation's own truth does not have."""
    vibstim, rate = person.settings.vibstim, person.settings.sampling_rate
    random = person.random(session, "vibstim response")
    levels = draw_vibstim_levels(person.vibstim, vibstim.response, condition, random)
    torque = sustained_torque(levels, vibstim.timing, vibstim.response, rate)
    start = round(vibstim.timing.bout_onsets[-1] * rate)
    part = torque[start : start + round(vibstim.timing.bout * rate)]
    return pd.DataFrame(
        {"outcome": ["emg_nmes"], "unit": ["% of MVC RMS"], "value": [np.sqrt(np.mean(part**2))]}
    )


def _maximal(person: SimulatedParticipant, session: str) -> Recording:
    """Return torque and soleus of a maximal contraction without a grid, which takes time."""
    settings, rate = person.settings, person.settings.sampling_rate
    rms = person.maximal_soleus_emg * maximal_effort(settings.torque, rate)
    random = person.random(session, "mvc soleus")
    emg = soleus_emg(settings.vibstim.soleus, settings.noise, rms, rate, random)
    torque = maximal_torque(settings.torque, person.maximal_torque, rate, person.random(session, "mvc"))
    return Recording(
        name=f"sub-{person.participant}_ses-{session}_task-mvc_run-1",
        sampling_rate=rate,
        emg=emg[None].astype(np.float32),
        channel_names=(SOLEUS_CHANNEL,),
        positions=np.full((1, 2), np.nan),
        torque=torque,
        torque_unit="N.m",
        stimulation=np.empty(0),
        source=Path("mvc_emg.bdf"),
        groups=(SOLEUS,),
    )


def compare(n_recordings: int, settings: VibstimSettings) -> pd.DataFrame:
    """Measure simulated recordings and compare them with the truth, schema ``truth_vibstim``."""
    estimated, true = [], []
    for recording, events, maximal, truth in simulated(n_recordings):
        outcomes = measure_vibstim(recording, events, maximal, settings).outcomes
        where = truth[["participant", "session"]].iloc[0].to_dict()
        estimated.append(outcomes.assign(**where))
        true.append(truth)
    return compare_vibstim(pd.concat(estimated, ignore_index=True), pd.concat(true, ignore_index=True))


def markdown(results: pd.DataFrame) -> str:
    """Return the table of the documentation."""
    bias = results.pivot_table(index="outcome", columns="variant", values="bias_percent", sort=False)
    bias = bias[list(VARIANTS)]
    head = ["outcome", "n", "mean truth", "mean estimate", "SD of error", "r"]
    head += [f"bias (%), {variant}" for variant in VARIANTS]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in results[results["variant"] == next(iter(VARIANTS))].itertuples():
        if row.outcome == "responder":
            lines.append(f"| responder | {row.n} | {row.agreement:.1%} told right | | | | | | |")
            continue
        shown = [row.outcome, f"{row.n}", f"{row.mean_true:.2f}", f"{row.mean_estimate:.2f}"]
        shown += [f"{row.sd_of_error:.3f}", f"{row.correlation:.3f}"]
        shown += [f"{value:+.1f}" for value in bias.loc[row.outcome]]
        lines.append(f"| {' | '.join(shown)} |")
    return "\n".join(lines)


def main() -> None:
    """Run all variants."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=240)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    tables = [
        compare(options.recordings, settings).assign(variant=name) for name, settings in VARIANTS.items()
    ]
    results = pd.concat(tables, ignore_index=True)
    with atomic_path(options.output) as temporary:
        results.round(4).to_csv(temporary, sep="\t", index=False, lineterminator="\n")
    print(markdown(results))


if __name__ == "__main__":
    main()
