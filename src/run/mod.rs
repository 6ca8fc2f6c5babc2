//! From a catalogue and a target to events: plan, jobs, one channel. Never prints.
