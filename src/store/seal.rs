//! Sealing: AES-256-GCM-SIV (RFC 8452) under a key-encryption key. A nonce that came twice would only show that two
//! records are equal, and a record goes on a disk that may be rolled back: hence this mode.
//!
//! ```text
//! 0   magic "NK" (2)
//! 2   version (2)
//! 4   identity of the key-encryption key (4)
//! 8   nonce (12)
//! 20  ciphertext, as long as what was sealed
//!     tag (16)
//! ```
//! The head is authenticated too. What the record belongs to goes in as associated data: a record that was put in
//! another's place does not open.

use std::path::Path;

use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Nonce, Tag};
use zeroize::{Zeroize, Zeroizing};

use crate::base::{Error, Result, Secret, random};

use super::PrintKey;

const MAGIC: [u8; 2] = *b"NK";
const VERSION: u16 = 1;
const HEAD: usize = 20;
const TAG: usize = 16;

/// Octets that sealing adds.
pub const OVERHEAD: usize = HEAD + TAG;

/// Most keys of a ring.
const MOST: usize = 64;

/// Longest text of a ring: keys, comments and blank lines.
const LONGEST: usize = 64 << 10;

struct Kek {
    id: u32,
    octets: Secret<32>,
}

/// Key-encryption keys: the first seals, all of them open. To rotate, put a new key in front; when everything was
/// sealed again, take the old one away.
///
/// As text: one key a line, its identity as 8 and the key as 64 hexadecimal digits, with a blank between. Empty lines
/// and those that begin with `#` say nothing.
pub struct KeyRing(Vec<Kek>);

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({} keys)", self.0.len())
    }
}

impl PrintKey {
    /// Reads 64 hexadecimal digits from a place as [`KeyRing::from_source`] knows it.
    ///
    /// # Errors
    /// As there.
    pub fn from_source(source: &str) -> Result<Self> {
        hex(text_of(source)?.trim()).map(Self::new)
    }
}

/// What is in a place that a setting names: `file:PATH`, `credential:NAME` or `env:NAME`.
///
/// # Errors
/// [`Error::System`] when it cannot be read, [`Error::Argument`] for another form or too long a text.
pub fn text_of(source: &str) -> Result<Zeroizing<String>> {
    match source.split_once(':') {
        Some(("file", path)) => file(Path::new(path)),
        Some(("credential", name)) => credential(name),
        Some(("env", name)) => variable(name),
        _ => Err(Error::Argument),
    }
}

fn file(path: &Path) -> Result<Zeroizing<String>> {
    let size = std::fs::metadata(path).map_err(|_| Error::System)?.len();
    if size > LONGEST as u64 {
        return Err(Error::Argument);
    }
    let text = std::fs::read_to_string(path).map_err(|_| Error::System)?;
    Ok(Zeroizing::new(text))
}

fn credential(name: &str) -> Result<Zeroizing<String>> {
    if name.is_empty() || name.contains('/') || name == ".." {
        return Err(Error::Argument);
    }
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or(Error::System)?;
    file(&Path::new(&folder).join(name))
}

fn variable(name: &str) -> Result<Zeroizing<String>> {
    let text = std::env::var(name).map_err(|_| Error::System)?;
    Ok(Zeroizing::new(text))
}

impl KeyRing {
    /// One key.
    #[must_use]
    pub fn single(id: u32, key: [u8; 32]) -> Self {
        let octets = Secret::new(key);
        Self(vec![Kek { id, octets }])
    }

    /// Reads the text.
    ///
    /// # Errors
    /// [`Error::Argument`] without a key, with a line that is none, an identity that comes twice, or more than 64.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys: Vec<Kek> = Vec::with_capacity(MOST);
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (id, key) = line
                .split_once(char::is_whitespace)
                .ok_or(Error::Argument)?;
            let id = u32::from_be_bytes(hex(id)?);
            let octets = Secret::new(hex(key.trim())?);
            if keys.len() == MOST || keys.iter().any(|known| known.id == id) {
                return Err(Error::Argument);
            }
            keys.push(Kek { id, octets });
        }
        if keys.is_empty() {
            return Err(Error::Argument);
        }
        Ok(Self(keys))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::System`] when it cannot be read; those of [`KeyRing::parse`].
    pub fn from_file(path: &Path) -> Result<Self> {
        Self::parse(&file(path)?)
    }

    /// Reads a credential that the service manager hands over: the file `name` in `$CREDENTIALS_DIRECTORY`.
    ///
    /// # Errors
    /// [`Error::System`] when there is none; those of [`KeyRing::parse`].
    pub fn from_credential(name: &str) -> Result<Self> {
        Self::parse(&credential(name)?)
    }

    /// Reads the environment. Whoever may look at this process's environment reads the keys: better a credential.
    ///
    /// # Errors
    /// [`Error::System`] without this variable; those of [`KeyRing::parse`].
    pub fn from_env(name: &str) -> Result<Self> {
        Self::parse(&variable(name)?)
    }

    /// `file:PATH`, `credential:NAME` or `env:NAME`.
    ///
    /// # Errors
    /// [`Error::Argument`] for another form; those of the three.
    pub fn from_source(source: &str) -> Result<Self> {
        Self::parse(&text_of(source)?)
    }

    /// The key of fingerprints below the key that seals. It changes when that one does: who needs it longer keeps it
    /// sealed.
    #[must_use]
    pub fn print_key(&self) -> PrintKey {
        let first = self.0.first().map_or(&[0; 32], |kek| kek.octets.expose());
        PrintKey::derive(first, b"naslane print")
    }

    /// Identity of the key that seals.
    #[must_use]
    pub fn seals_with(&self) -> u32 {
        self.0.first().map_or(0, |kek| kek.id)
    }

    /// Appends `plain`, sealed, to `out`: [`OVERHEAD`] octets more.
    ///
    /// # Errors
    /// [`Error::System`] without random numbers; [`Error::TooLong`]. `out` is as before then.
    pub fn seal(&self, associated: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let kek = self.0.first().ok_or(Error::Argument)?;
        let mut nonce = [0; 12];
        random::fill(&mut nonce)?;
        let begin = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&kek.id.to_be_bytes());
        out.extend_from_slice(&nonce);
        let associated = whole(&out[begin..], associated);
        let body = out.len();
        out.extend_from_slice(plain);
        let cipher = Aes256GcmSiv::new(kek.octets.expose().into());
        let tag = cipher.encrypt_inout_detached(
            &Nonce::from(nonce),
            &associated,
            (&mut out[body..]).into(),
        );
        match tag {
            Ok(tag) => out.extend_from_slice(&tag),
            Err(_) => {
                out[body..].zeroize();
                out.truncate(begin);
                return Err(Error::TooLong);
            }
        }
        Ok(())
    }

    /// Opens what [`KeyRing::seal`] made with the same associated data; `out` is replaced.
    ///
    /// # Errors
    /// [`Error::Record`] when it is no sealed record, of another version, of a key that is not in the ring, damaged,
    /// or somebody else's. `out` is empty then.
    pub fn open(
        &self,
        associated: &[u8],
        sealed: &[u8],
        out: &mut Zeroizing<Vec<u8>>,
    ) -> Result<()> {
        out.zeroize();
        let (head, rest) = sealed.split_at_checked(HEAD).ok_or(Error::Record)?;
        let end = rest.len().checked_sub(TAG).ok_or(Error::Record)?;
        let (body, tag) = rest.split_at(end);
        let known = head[..2] == MAGIC && head[2..4] == VERSION.to_be_bytes();
        let id = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let kek = self.0.iter().find(|kek| known && kek.id == id);
        let kek = kek.ok_or(Error::Record)?;
        let nonce = Nonce::try_from(&head[8..]).map_err(|_| Error::Record)?;
        let tag = Tag::try_from(tag).map_err(|_| Error::Record)?;
        let associated = whole(head, associated);
        out.extend_from_slice(body);
        let cipher = Aes256GcmSiv::new(kek.octets.expose().into());
        let place = out.as_mut_slice();
        let opened = cipher.decrypt_inout_detached(&nonce, &associated, place.into(), &tag);
        opened.map_err(|_| {
            out.zeroize();
            Error::Record
        })
    }
}

fn whole(head: &[u8], associated: &[u8]) -> Vec<u8> {
    [head, associated].concat()
}

fn hex<const N: usize>(text: &str) -> Result<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(Error::Argument);
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Error::Argument),
    };
    let mut octets = [0; N];
    for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        *octet = value(pair[0])? << 4 | value(pair[1])?;
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(ring: &KeyRing, associated: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let mut out = Zeroizing::default();
        ring.open(associated, sealed, &mut out)
            .map(|()| out.to_vec())
    }

    #[test]
    fn what_was_sealed_opens_and_nothing_else_does() {
        let ring = KeyRing::single(7, [3; 32]);
        for len in [0, 1, 15, 16, 17, 200] {
            let plain = vec![0xA5; len];
            let mut sealed = Vec::new();
            ring.seal(b"place", &plain, &mut sealed).unwrap();
            assert_eq!(sealed.len(), len + OVERHEAD);
            assert_eq!(opened(&ring, b"place", &sealed), Ok(plain));
            assert_eq!(opened(&ring, b"plaec", &sealed), Err(Error::Record));
            for at in 0..sealed.len() {
                let mut bad = sealed.clone();
                bad[at] ^= 1;
                assert_eq!(opened(&ring, b"place", &bad), Err(Error::Record), "{at}");
                let cut = &sealed[..at];
                assert_eq!(opened(&ring, b"place", cut), Err(Error::Record));
            }
        }
    }

    #[test]
    fn a_rotated_ring_opens_the_old_and_seals_with_the_new() {
        let (old, new) = (
            format!("00000001 {:064x}", 1),
            format!("00000002 {:064X}", 10),
        );
        let ring = |text: &str| KeyRing::parse(text).unwrap();
        let mut sealed = Vec::new();
        ring(&old).seal(b"", b"secret", &mut sealed).unwrap();
        let both = ring(&format!("# rotated\n{new}\n\n{old}\n"));
        assert_eq!(opened(&both, b"", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(opened(&ring(&new), b"", &sealed), Err(Error::Record));
        sealed.clear();
        both.seal(b"", b"secret", &mut sealed).unwrap();
        assert_eq!(both.seals_with(), 2);
        assert_eq!(opened(&ring(&new), b"", &sealed), Ok(b"secret".to_vec()));
        assert_eq!(opened(&ring(&old), b"", &sealed), Err(Error::Record));
        // The same identity with another key is not the same key.
        let other = ring(&format!("00000002 {:064x}", 11));
        assert_eq!(opened(&other, b"", &sealed), Err(Error::Record));
    }

    #[test]
    fn a_ring_is_read_strictly() {
        let key = "0".repeat(64);
        for bad in [
            String::new(),
            "# nothing\n".to_owned(),
            format!("1 {key}"),
            format!("00000001 {key}0"),
            format!("0000000g {key}"),
            format!("00000001{key}"),
            format!("00000001 {key}\n00000001 {key}"),
        ] {
            assert_eq!(KeyRing::parse(&bad).err(), Some(Error::Argument), "{bad:?}");
        }
        assert_eq!(KeyRing::from_source("nowhere").err(), Some(Error::Argument));
        assert_eq!(
            KeyRing::from_source("file:/does/not/exist").err(),
            Some(Error::System)
        );
        assert_eq!(
            KeyRing::from_source("credential:a/b").err(),
            Some(Error::Argument)
        );
        let shown = format!("{:?}", KeyRing::single(0xABCD, [9; 32]));
        assert_eq!(shown, "KeyRing(1 keys)");
    }
}
