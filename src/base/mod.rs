//! The ground: used by every floor, uses none.

pub mod cpu;
pub mod error;
#[cfg(feature = "std")]
pub mod metrics;
#[cfg(all(
    target_os = "linux",
    any(
        feature = "embedded",
        feature = "etcd",
        feature = "nssaa",
        feature = "survive"
    )
))]
pub(crate) mod random;
pub mod secret;
#[cfg(feature = "std")]
pub(crate) mod sync;
pub mod words;

pub use error::{Error, Result};
pub use secret::Secret;
pub use words::{AccessType, Direction, NgKsi};
