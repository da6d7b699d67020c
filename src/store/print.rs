//! Fingerprints of K_AMF: a key is known again by one, and nobody learns anything of the key from it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::base::Secret;

use super::name::SessionName;

/// The key of the fingerprints. Two engines with the same one give the same fingerprints.
#[derive(Clone)]
pub struct PrintKey(Secret<{ PrintKey::LEN }>);

impl std::fmt::Debug for PrintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrintKey(..)")
    }
}

impl PrintKey {
    /// Octets of the key.
    pub const LEN: usize = 32;

    /// Octets of a fingerprint.
    pub const PRINT: usize = 16;

    /// Takes 32 octets that nobody else knows.
    #[must_use]
    pub const fn new(octets: [u8; Self::LEN]) -> Self {
        Self(Secret::new(octets))
    }

    /// The key for `label` below a secret: HMAC-SHA-256 of the label under it.
    #[must_use]
    pub fn derive(secret: &[u8; 32], label: &[u8]) -> Self {
        let mut octets = hmac(secret, &[label]);
        let derived = Self::new(octets);
        octets.zeroize();
        derived
    }

    /// The octets, to be sealed.
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::LEN] {
        self.0.expose()
    }

    /// The fingerprint of a K_AMF in one role (0 AMF, 1 UE): the first 16 octets of HMAC-SHA-256 over both.
    #[must_use]
    pub fn print(&self, role: u8, k_amf: &[u8; 32]) -> [u8; Self::PRINT] {
        let mut whole = hmac(self.0.expose(), &[&[role], k_amf]);
        let mut print = [0; Self::PRINT];
        print.copy_from_slice(&whole[..Self::PRINT]);
        whole.zeroize();
        print
    }
}

impl PrintKey {
    /// The name in the store of what a client calls `name`: tells nothing of it to whoever reads the store. `whose`: what
    /// keeps clients apart.
    #[must_use]
    pub fn name(&self, whose: &[u8], name: &[u8]) -> SessionName {
        let len = (whose.len() as u64).to_be_bytes();
        let mut whole = hmac(
            self.0.expose(),
            &[b"naslane session name 1", &len, whose, name],
        );
        let mut octets = [0; 16];
        octets.copy_from_slice(&whole[..16]);
        whole.zeroize();
        SessionName(octets)
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = Zeroizing::new([0; 64]); // a short key is padded with zeros (RFC 2104)
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_and_key_tell_prints_apart() {
        let prints = PrintKey::derive(&[1; 32], b"test");
        let own = prints.print(0, &[7; 32]);
        assert_eq!(prints.clone().print(0, &[7; 32]), own);
        for other in [
            prints.print(1, &[7; 32]),
            prints.print(0, &[8; 32]),
            PrintKey::derive(&[2; 32], b"test").print(0, &[7; 32]),
            PrintKey::derive(&[1; 32], b"other").print(0, &[7; 32]),
        ] {
            assert_ne!(own, other);
        }
        assert_eq!(format!("{prints:?}"), "PrintKey(..)");
    }

    #[test]
    fn names_of_two_clients_are_not_the_same() {
        let prints = PrintKey::derive(&[1; 32], b"test");
        let own = prints.name(b"ab", b"c");
        assert_eq!(own, prints.name(b"ab", b"c"));
        assert_ne!(own, prints.name(b"a", b"bc"));
        assert_ne!(own, PrintKey::derive(&[2; 32], b"test").name(b"ab", b"c"));
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // Test case 2 has a key of 4 octets, which HMAC pads with zeros to any length up to a block's.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = hmac(&key, &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(mac[..4], [0x5B, 0xDC, 0xC1, 0x46]);
        assert_eq!(mac[28..], [0x64, 0xEC, 0x38, 0x43]);
    }
}
