//! Reads transcripts and says what became of each check. Never prints, never opens a socket.
