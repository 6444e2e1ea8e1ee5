"""What watches and acts: retention, sweeps, later detectors and alerts."""
