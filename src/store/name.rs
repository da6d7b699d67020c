//! The names that stand in a store: 16 octets each, none of them secret.

use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// As 32 hexadecimal digits.
            #[must_use]
            pub fn hex(&self) -> String {
                self.0.iter().map(|octet| format!("{octet:02x}")).collect()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.hex())
            }
        }
    };
}

name! {
    /// Fingerprint of a K_AMF in one role, under a key that all nodes of a set have: it tells nothing of K_AMF to
    /// whoever reads the store.
    KeyPrint
}
name! {
    /// A session as all nodes of a set know it.
    SessionName
}
name! {
    /// One start of one process: drawn at random at each start, so that a node that came back is another owner.
    NodeName
}
name! {
    /// Identity of a store; another one when acknowledged commits may be lost.
    Incarnation
}

/// Octets that nobody drew before.
#[cfg(any(feature = "embedded", feature = "etcd"))]
pub(super) fn draw() -> super::Result<[u8; 16]> {
    let mut octets = [0; 16];
    crate::base::random::fill(&mut octets).map_err(|_| super::Failure::Unavailable)?;
    Ok(octets)
}
