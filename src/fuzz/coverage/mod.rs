//! Coverage of the target: which of its code an input reached, and what it compared with what. Never starts the target.

mod detect;
mod map;
mod prepare;

pub use detect::Hook;
pub use map::{Compared, Map, Operand};
pub use prepare::{CoverageError, MAP_VARIABLE, Mode, Prepared, SCOPE_VARIABLE, native_runtime, prepare};
