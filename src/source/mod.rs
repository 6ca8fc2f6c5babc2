//! Files that people wrote, and text that is shown to them: places, mistakes, harmless printing. Knows no checks.
