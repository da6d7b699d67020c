//! What outlives a process, without any notion of a session: sealing under a key-encryption key, and fingerprints by
//! which a key is known again.

mod print;
#[cfg(all(feature = "survive", target_os = "linux"))]
pub mod seal;

pub use print::PrintKey;
#[cfg(all(feature = "survive", target_os = "linux"))]
pub use seal::KeyRing;
