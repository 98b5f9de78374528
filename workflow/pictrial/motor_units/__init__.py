"""From discharges to estimates: smoothed discharge rates, thresholds, the ledger of ΔF pairs."""
