//! Turns events into pages, files and terminal output. Stands on verdicts and events alone.
