"""pictrial: a trial of spinal-motoneurone excitability, from raw high-density EMG to the paper.

The sub-packages follow the flow of the data; each imports only from those before it:
``recordings``, ``decomposition``, ``motor_units``, ``vibstim``, ``trial``, ``statistics``,
``reporting``. ``simulation`` makes the sample trial and uses only the writer of ``recordings``.
"""
