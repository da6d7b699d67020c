//! A reference of the 256-bit algorithms (256-NEA4 to 6, 256-NIA4 to 6, 256-NCA4 to 6) for the self-test alone: the
//! library does not offer them. Portable, slow, not in constant time, and over a raw 16-octet IV, because how NAS
//! fills the IV is not settled.

mod mac;
mod snow5g;
mod zuc256;

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// The three families; the number is that of their algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Snow5g = 4,
    Aes256 = 5,
    Zuc256 = 6,
}

impl Family {
    pub(crate) const fn from_id(id: u32) -> Option<Self> {
        match id {
            4 => Some(Self::Snow5g),
            5 => Some(Self::Aes256),
            6 => Some(Self::Zuc256),
            _ => None,
        }
    }
}

/// A generator of 16-octet keystream blocks.
trait Keystream {
    fn block(&mut self) -> [u8; 16];
}

/// AES-256 in counter mode, 32-bit counter in the last four octets.
struct Counter {
    cipher: Aes256,
    block: [u8; 16],
    next: u32,
}

impl Counter {
    fn new(key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self {
            cipher: Aes256::new(&(*key).into()),
            block: *iv,
            next: 0,
        }
    }
}

impl Keystream for Counter {
    fn block(&mut self) -> [u8; 16] {
        self.block[12..].copy_from_slice(&self.next.to_be_bytes());
        self.next = self.next.wrapping_add(1);
        let mut block = self.block.into();
        self.cipher.encrypt_block(&mut block);
        block.into()
    }
}

fn generator(family: Family, key: &[u8; 32], iv: &[u8; 16]) -> Box<dyn Keystream> {
    match family {
        Family::Snow5g => Box::new(snow5g::Snow5g::new(key, iv)),
        Family::Aes256 => Box::new(Counter::new(key, iv)),
        Family::Zuc256 => Box::new(zuc256::Zuc256::new(key, iv)),
    }
}

fn xor(generator: &mut dyn Keystream, data: &mut [u8]) {
    for chunk in data.chunks_mut(16) {
        for (octet, z) in chunk.iter_mut().zip(generator.block()) {
            *octet ^= z;
        }
    }
}

/// H, Q and P, and the generator that goes on behind them. AES takes H, Q and P from an IV of its own (bit 0 of
/// octet 0 set) and starts the cipher's counter at 0.
fn start(family: Family, key: &[u8; 32], iv: &[u8; 16]) -> (mac::Keys, Box<dyn Keystream>) {
    let mut marked = *iv;
    if family == Family::Aes256 {
        marked[0] |= 1;
    }
    let mut first = generator(family, key, &marked);
    let keys = mac::Keys {
        h: first.block(),
        q: first.block(),
        p: first.block(),
    };
    match family {
        Family::Aes256 => (keys, generator(family, key, iv)),
        _ => (keys, first),
    }
}

/// 256-NEA: ciphers in place.
pub(crate) fn nea(family: Family, (key, iv): (&[u8; 32], &[u8; 16]), data: &mut [u8]) {
    xor(&mut *generator(family, key, iv), data);
}

/// 256-NIA: the first `tag_len` octets of the tag. The message takes the place of the associated data.
pub(crate) fn nia(
    family: Family,
    (key, iv): (&[u8; 32], &[u8; 16]),
    message: &[u8],
    tag_len: usize,
) -> Vec<u8> {
    let (keys, _) = start(family, key, iv);
    mac::tag(&keys, message, &[])[..tag_len.min(16)].to_vec()
}

/// 256-NCA: ciphers in place, then the tag over associated data and ciphertext.
pub(crate) fn nca(
    family: Family,
    (key, iv): (&[u8; 32], &[u8; 16]),
    (aad, data): (&[u8], &mut [u8]),
    tag_len: usize,
) -> Vec<u8> {
    let (keys, mut generator) = start(family, key, iv);
    xor(&mut *generator, data);
    mac::tag(&keys, aad, data)[..tag_len.min(16)].to_vec()
}
