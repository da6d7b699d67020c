//! The self-test before the first use: fail closed.

use std::sync::OnceLock;

use engine::base::Result;
use engine::kernel;

/// Lets every kernel's chosen backend pass its known-answer test, once per process.
pub(crate) fn once() -> Result<()> {
    static DONE: OnceLock<Result<()>> = OnceLock::new();
    *DONE.get_or_init(kernel::start)
}
