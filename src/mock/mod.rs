//! The built-in server: correct in every revision over every transport, and broken on demand. Knows nothing of checks.
