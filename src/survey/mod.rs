//! Learns what an unknown server offers, and with which arguments its tools answer. Never judges.
