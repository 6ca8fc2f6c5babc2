//! What was typed, what is meant, and the exit code. The only floor that reads environment, terminal and time of day.
