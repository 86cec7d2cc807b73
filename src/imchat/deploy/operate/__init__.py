"""Operating a deployed stage: status, logs, doctor, cost and users."""
