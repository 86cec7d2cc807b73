"""What operators do with a deployed stage: status, logs, doctor, cost, users."""
