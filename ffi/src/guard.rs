//! The wall between C and Rust: no panic crosses it. `tests/exports.rs` fails for an exported function without it.

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::base::{Error, Result};

const _: () = assert!(cfg!(panic = "unwind"), "the wall needs panics that unwind");

/// `NASLANE_OK`.
pub(crate) const OK: i32 = 0;

/// Runs the body of an exported function. A panic in it becomes `NASLANE_E_POISONED`; the session whose lock it
/// held is closed for good by that lock, all others go on.
pub(crate) fn call(body: impl FnOnce() -> Result<()>) -> i32 {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => OK,
        Ok(Err(error)) => error.code(),
        Err(payload) => {
            // Its destructor is foreign code and might panic again.
            std::mem::forget(payload);
            Error::Poisoned.code()
        }
    }
}

/// Runs the body of an exported function that returns a text; after a panic the text is empty.
pub(crate) fn text(body: impl FnOnce() -> *const c_char) -> *const c_char {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        std::mem::forget(payload);
        c"".as_ptr()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r52_a_panic_becomes_a_status() {
        assert_eq!(call(|| panic!("on purpose")), 100);
        assert_eq!(call(|| std::panic::panic_any(std::sync::Arc::new(1))), 100);
        assert_eq!(call(|| Ok(())), 0);
        assert_eq!(call(|| Err(Error::Overlap)), 66);
        let text = text(|| panic!("on purpose"));
        // SAFETY: the literal in `text`.
        assert!(unsafe { std::ffi::CStr::from_ptr(text) }.is_empty());
    }
}
