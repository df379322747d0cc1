"""Known scanners; see `scanner`."""
