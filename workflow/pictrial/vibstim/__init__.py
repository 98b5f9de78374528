"""VibStim: torque and EMG under tendon vibration and bouts of electrical stimulation (NMES)."""
