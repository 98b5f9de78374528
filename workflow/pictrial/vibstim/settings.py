"""How VibStim is measured: windows, cleaning of the EMG, what counts as a response."""

from dataclasses import dataclass, fields

from pictrial.errors import InputError

ANCHORS = ("vibration_onset", "first_bout", "last_bout_end", "vibration_end")
ASSUMED = "timing not known from the paper; assumed"
LAST_BOUT = "bouts of 2 s are published; the choice of the last is assumed"


@dataclass(frozen=True)
class Window:
    """A stretch of a recording, in s after an event of it.

    Attributes
    ----------
    anchor : str
        One of `ANCHORS`; a bout is one of NMES.
    start, end : float
        In s after the anchor; negative before it.
    source : str
        Where the choice comes from, or that it is not known.
    """

    anchor: str
    start: float
    end: float
    source: str = ASSUMED

    def __post_init__(self):
        if self.anchor not in ANCHORS:
            known = ", ".join(ANCHORS)
            raise InputError("vibstim.windows", f"anchor {self.anchor!r} is unknown", f"Use {known}.")
        if not self.start < self.end:
            rule = f"a window from {self.start:g} to {self.end:g} s has no length"
            raise InputError("vibstim.windows", rule, "Let start come before end.")


@dataclass(frozen=True)
class WindowSettings:
    """The windows that are measured.

    Attributes
    ----------
    rest : Window
        Torque and EMG of it are taken from all others.
    before_nmes : Window
        Under vibration, before the first bout.
    nmes : Window
        The last bout; EMG between its pulses.
    vibration : Window
        Under vibration, after the last bout.
    sustained : Window
        After vibration.
    """

    rest: Window = Window("vibration_onset", -2.0, 0.0)
    before_nmes: Window = Window("first_bout", -0.5, 0.0)
    nmes: Window = Window("last_bout_end", -2.0, 0.0, LAST_BOUT)
    vibration: Window = Window("vibration_end", -0.5, 0.0)
    sustained: Window = Window("vibration_end", 3.0, 3.5)

    def __post_init__(self):
        for field in fields(self):
            window = getattr(self, field.name)
            if isinstance(window, dict):
                object.__setattr__(self, field.name, Window(**window))


@dataclass(frozen=True)
class CleaningSettings:
    """How NMES and vibration are removed from the EMG.

    Attributes
    ----------
    blank_before, blank_after : float
        What is blanked before and after the onset of a pulse, in s: its artefact and the M-wave.
    vibration_frequency : float or None
        Frequency of the vibration in Hz, sought within 2 %; None: sought from `frequency_low` to
        `frequency_high`.
    frequency_low, frequency_high : float
        Where the frequency of the vibration is sought, in Hz.
    harmonics : int
        How many harmonics are removed, the first being the frequency itself.
    notch_width : float
        Width in Hz of what is removed at each; its inverse is the length of the fitted windows.
    """

    blank_before: float = 0.002
    blank_after: float = 0.030
    vibration_frequency: float | None = None
    frequency_low: float = 60.0
    frequency_high: float = 140.0
    harmonics: int = 5
    notch_width: float = 1.0


@dataclass(frozen=True)
class ResponseSettings:
    """What EMG is compared with, and what counts as a response; all torques in % MVC above rest.

    Attributes
    ----------
    maximal_window : float
        Length in s of the stretch of the maximal contraction with the highest torque, whose EMG is 100 %.
    responder_rise : float
        A responder's torque rises by at least so much from before NMES to the end of vibration, and
    responder_sustained : float
        is at least so high in the window after vibration.
    sustained_torque : float
        Torque is sustained while it is not below this ...
    sustained_hold : float
        ... for so long, in s.
    """

    maximal_window: float = 1.0
    responder_rise: float = 1.0
    responder_sustained: float = 0.5
    sustained_torque: float = 1.0
    sustained_hold: float = 0.5
