//! Whole messages: counter mode over a part of a text, and CMAC over an 8-byte head and the text with that part
//! encrypted. Two rooms: [`Seal`] encrypts, then computes the MAC; [`Open`] compares the MAC, then decrypts.
//!
//! One room for both algorithms, because a row then takes the lanes in once, encrypts the next group while the CMAC
//! chains of this one wait for themselves, and does not read back what it has just written.

use super::super::{Backend, Choice, Lane, Room, always};
#[cfg(target_arch = "aarch64")]
use super::aarch64_aes;
use super::{EXAMPLE, Key, Schedule, aes_crate};
#[cfg(target_arch = "x86_64")]
use super::{x86_aesni, x86_vaes512};
use crate::base::cpu::apart;
use arrayvec::ArrayVec;
use core::ops::Range;

/// One message to encrypt and to authenticate.
pub struct SealLane<'a> {
    /// Encrypts: counter mode from the block `head || 0^64` on.
    pub enc: &'a Schedule,
    /// Authenticates.
    pub int: &'a Key,
    /// First half of the first counter block, and what CMAC takes in front of the text.
    pub head: [u8; 8],
    /// What CMAC covers, encrypted.
    pub text: &'a mut [u8],
    /// The bytes that the end of the text is to be before it is encrypted, when they stand elsewhere. Of more bytes than
    /// the text has the first count.
    pub plain: Option<&'a [u8]>,
    /// The part that is encrypted; what lies outside `text` does not count.
    pub ciphered: Range<usize>,
    /// Result: the first four bytes of the CMAC.
    pub mac: &'a mut [u8; 4],
}

/// One message to authenticate and to decrypt.
pub struct OpenLane<'a> {
    /// Decrypts: counter mode from the block `head || 0^64` on.
    pub enc: &'a Schedule,
    /// Authenticates.
    pub int: &'a Key,
    /// First half of the first counter block, and what CMAC takes in front of the text.
    pub head: [u8; 8],
    /// What CMAC covers, and where it is decrypted to when the MAC is right; else nothing is written.
    pub text: Opening<'a>,
    /// The part that is decrypted; what lies outside the text does not count.
    pub ciphered: Range<usize>,
    /// The first four bytes that the CMAC should have.
    pub mac: [u8; 4],
    /// Result: whether it has.
    pub authentic: &'a mut bool,
}

/// A text to authenticate, and the place of what is decrypted.
pub enum Opening<'a> {
    /// It is decrypted where it stands.
    Here(&'a mut [u8]),
    /// It stays as it is.
    Apart {
        /// The text.
        text: &'a [u8],
        /// Where the ciphered part goes, decrypted, from the first byte on. Without room for all of it nothing is
        /// decrypted.
        to: &'a mut [u8],
    },
}

impl Opening<'_> {
    /// The same, for a shorter time.
    #[inline(always)]
    pub(crate) fn reborrow(&mut self) -> Opening<'_> {
        match self {
            Self::Here(text) => {
                let len = apart(text.len());
                Opening::Here(&mut text[..len])
            }
            Self::Apart { text, to } => {
                let (len, room) = (apart(text.len()), apart(to.len()));
                Opening::Apart {
                    text: &text[..len],
                    to: &mut to[..room],
                }
            }
        }
    }

    /// Bytes of the text.
    #[inline(always)]
    pub(crate) const fn len(&self) -> usize {
        self.text().len()
    }

    #[inline(always)]
    pub(super) const fn text(&self) -> &[u8] {
        match self {
            Self::Here(text) => text,
            Self::Apart { text, .. } => text,
        }
    }

    /// The ciphered bytes, to be decrypted where they are: those that go elsewhere are copied.
    pub(super) fn settled(&mut self, part: Range<usize>) -> &mut [u8] {
        match self {
            Self::Here(text) => text.get_mut(part).unwrap_or_default(),
            Self::Apart { text, to } => {
                let room = to.get_mut(..part.len());
                let Some((from, to)) = text.get(part).zip(room) else {
                    return &mut [];
                };
                to.copy_from_slice(from);
                to
            }
        }
    }

    /// There is room for so many bytes.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) const fn has_room(&self, bytes: usize) -> bool {
        match self {
            Self::Here(_) => true,
            Self::Apart { to, .. } => to.len() >= bytes,
        }
    }

    /// Where the bytes behind the first go.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) const fn goes(&mut self) -> *mut u8 {
        match self {
            Self::Here(text) => text.as_mut_ptr().wrapping_add(1),
            Self::Apart { to, .. } => to.as_mut_ptr(),
        }
    }

    /// Where they stand, if elsewhere.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) const fn stands(&self) -> Option<*const u8> {
        match self {
            Self::Here(_) => None,
            Self::Apart { text, .. } => Some(text.as_ptr().wrapping_add(1)),
        }
    }
}

/// The room of encryption, then CMAC.
pub struct Seal;

/// The room of CMAC, then decryption.
pub struct Open;

/// A table's rows, best first, for either room.
macro_rules! rows {
    () => {
        &[
            #[cfg(target_arch = "x86_64")]
            Backend {
                name: "x86_vaes512",
                lanes: 8,
                available: x86_vaes512::available,
                one: |lane| x86_vaes512::message_one(lane),
                many: |lanes| x86_vaes512::message_many(lanes),
            },
            #[cfg(target_arch = "x86_64")]
            Backend {
                name: "x86_aesni",
                lanes: 8,
                available: x86_aesni::available,
                one: |lane| x86_aesni::message_one(lane),
                many: |lanes| x86_aesni::message_many(lanes),
            },
            #[cfg(target_arch = "aarch64")]
            Backend {
                name: "aarch64_aes",
                lanes: 8,
                available: aarch64_aes::available,
                one: |lane| aarch64_aes::message_one(lane),
                many: |lanes| aarch64_aes::message_many(lanes),
            },
            Backend {
                name: "aes_crate",
                lanes: 1,
                available: always,
                one: |lane| aes_crate::message_one(lane),
                many: |lanes| aes_crate::message_many(lanes),
            },
        ]
    };
}

/// Rows of [`Seal`], best first.
pub static SEAL: &[Backend<Seal>] = rows!();

/// Rows of [`Open`], best first.
pub static OPEN: &[Backend<Open>] = rows!();

impl Room for Seal {
    type Lane<'a> = SealLane<'a>;
    const NAME: &'static str = "aes128_seal";

    fn backends() -> &'static [Backend<Self>] {
        SEAL
    }

    fn answers(backend: &Backend<Self>) -> bool {
        let key = Key::new(&EXAMPLE);
        let mut texts = [[0; 160]; LANES];
        let mut macs = [[0; 4]; LANES];
        let mut lanes: ArrayVec<SealLane<'_>, LANES> = texts
            .iter_mut()
            .zip(&mut macs)
            .zip(ANSWERS.iter().cycle())
            .map(|((text, mac), (len, _))| SealLane {
                enc: &key.schedule,
                int: &key,
                head: HEAD,
                text: &mut text[..*len],
                plain: None,
                ciphered: 1..*len,
                mac,
            })
            .collect();
        let (alone, many) = lanes.split_at_mut(ANSWERS.len());
        alone.iter_mut().for_each(backend.one);
        (backend.many)(many);
        drop(lanes);
        let mut all = texts.iter().zip(macs).zip(ANSWERS.iter().cycle());
        all.all(|((text, mac), (len, answer))| {
            let (clear, z) = (text[0] == 0, &text[1..*len]);
            let known = z.len().min(KEYSTREAM.len());
            clear && z[..known] == KEYSTREAM[..known] && mac == answer.to_be_bytes()
        })
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

impl Room for Open {
    type Lane<'a> = OpenLane<'a>;
    const NAME: &'static str = "aes128_open";

    fn backends() -> &'static [Backend<Self>] {
        OPEN
    }

    fn answers(backend: &Backend<Self>) -> bool {
        let key = Key::new(&EXAMPLE);
        let mut texts = [[0; 160]; LANES];
        let mut verdicts = [false; LANES];
        let lengths = || ANSWERS.iter().cycle().map(|(len, _)| *len);
        for (text, len) in texts.iter_mut().zip(lengths()) {
            aes_crate::ctr_one(&mut Lane {
                key: &key.schedule,
                iv: (u128::from(u64::from_be_bytes(HEAD)) << 64).to_be_bytes(),
                data: &mut text[1..len],
            });
        }
        // One alone and one of many are tampered with: they stay as they came.
        let wrong = |lane: usize| lane == 3 || lane == LANES - 4;
        let came = texts;
        let mut lanes: ArrayVec<OpenLane<'_>, LANES> = texts
            .iter_mut()
            .zip(&mut verdicts)
            .zip(ANSWERS.iter().cycle())
            .enumerate()
            .map(|(lane, ((text, authentic), (len, answer)))| OpenLane {
                enc: &key.schedule,
                int: &key,
                head: HEAD,
                text: Opening::Here(&mut text[..*len]),
                ciphered: 1..*len,
                mac: (answer ^ u32::from(wrong(lane))).to_be_bytes(),
                authentic,
            })
            .collect();
        let (alone, many) = lanes.split_at_mut(ANSWERS.len());
        alone.iter_mut().for_each(backend.one);
        (backend.many)(many);
        drop(lanes);
        (0..LANES).all(|lane| {
            let plain = texts[lane].iter().all(|byte| *byte == 0);
            if wrong(lane) {
                !verdicts[lane] && texts[lane] == came[lane]
            } else {
                verdicts[lane] && plain
            }
        })
    }

    fn choice() -> &'static Choice {
        static CHOICE: Choice = Choice::new();
        &CHOICE
    }
}

/// True when the row expands raw keys itself where it takes lanes side by side: of a key only the first 16 bytes are to
/// be asked for then.
#[must_use]
pub fn expands<R: Room>(row: &Backend<R>) -> bool {
    row.name == "x86_vaes512"
}

/// Lanes of the known-answer tests: each length alone, then groups.
const LANES: usize = 3 * ANSWERS.len();

// RFC 4493's key over HEAD and zeros: the first blocks of keystream, and for texts of so many bytes, all but the first
// ciphered, the MAC. By OpenSSL's AES-128-CTR and CMAC.
const HEAD: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
const KEYSTREAM: [u8; 32] = [
    0x72, 0x0f, 0x9e, 0xe3, 0x7b, 0x13, 0xa7, 0xc8, 0xb9, 0x8e, 0x95, 0x5d, 0x56, 0xb0, 0xf3, 0x13,
    0xa4, 0x31, 0x13, 0x23, 0x03, 0x0e, 0xc0, 0x25, 0xf9, 0x37, 0x8c, 0x50, 0xb3, 0x9e, 0x26, 0xdc,
];
const ANSWERS: [(usize, u32); 11] = [
    (1, 0xF53D_62F7),
    (8, 0x2CAE_CEE1),
    (17, 0x26A5_570D),
    (25, 0x13BE_28D9),
    (56, 0x3C20_31F4),
    (57, 0x0349_829C),
    (64, 0x34BC_CB24),
    (65, 0x5C2C_A347),
    (66, 0x0041_CDE0),
    (129, 0xFFC6_8510),
    (160, 0xC150_524E),
];
