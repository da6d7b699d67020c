//! Keys, prepared for their algorithm.

use super::message::CHUNK;
use super::{Nea, Nia};
use crate::kernel::aes128;
use arrayvec::ArrayVec;

/// K_NASenc, prepared: for AES the eleven round keys, else the raw key. 176 bytes, wiped on drop.
pub type CipherKey = aes128::Schedule;

/// Prepares K_NASenc for `nea`.
#[must_use]
pub fn cipher_key(nea: Nea, k_nas_enc: &[u8; 16]) -> CipherKey {
    match nea {
        Nea::Nea2 => aes128::Key::new(k_nas_enc).schedule.clone(),
        Nea::Nea0 | Nea::Nea1 | Nea::Nea3 => CipherKey::raw(k_nas_enc),
    }
}

/// K_NASint, or either key, prepared: for AES the eleven round keys and CMAC's K1, else the raw key. 192 bytes, wiped
/// on drop.
#[derive(Clone)]
#[repr(transparent)]
pub struct Key(aes128::Key);

impl Key {
    /// Prepares K_NASenc for `nea`.
    #[must_use]
    pub fn for_nea(nea: Nea, k_nas_enc: &[u8; 16]) -> Self {
        Self(match nea {
            Nea::Nea2 => aes128::Key::new(k_nas_enc),
            Nea::Nea0 | Nea::Nea1 | Nea::Nea3 => aes128::Key::raw(k_nas_enc),
        })
    }

    /// Prepares K_NASint for `nia`.
    #[must_use]
    pub fn for_nia(nia: Nia, k_nas_int: &[u8; 16]) -> Self {
        Self(match nia {
            Nia::Nia2 => aes128::Key::new(k_nas_int),
            Nia::Nia0 | Nia::Nia1 | Nia::Nia3 => aes128::Key::raw(k_nas_int),
        })
    }

    /// Holds a raw key: enough for the algorithms without a key schedule; for the others [`prepare`] must follow.
    #[must_use]
    pub const fn unprepared(raw: &[u8; 16]) -> Self {
        Self(aes128::Key::raw(raw))
    }

    /// Takes another raw key in place of the present one, as [`Key::unprepared`] would.
    pub fn set_unprepared(&mut self, raw: &[u8; 16]) {
        self.0.set_raw(raw);
    }

    /// The raw key.
    #[must_use]
    pub const fn raw(&self) -> &[u8; 16] {
        self.0.schedule.key()
    }

    /// What ciphering reads of it.
    #[must_use]
    pub const fn cipher(&self) -> &CipherKey {
        &self.0.schedule
    }

    /// The key as the AES kernels take it.
    pub(super) const fn aes(&self) -> &aes128::Key {
        &self.0
    }
}

/// Prepares the keys of many UEs, K_NASenc and K_NASint of each, side by side.
pub fn prepare(nea: Nea, nia: Nia, keys: &mut [[Key; 2]]) {
    let (enc, int) = (nea == Nea::Nea2, nia == Nia::Nia2);
    if !enc && !int {
        return;
    }
    for chunk in keys.chunks_mut(CHUNK / 2) {
        let wanted = chunk
            .as_flattened_mut()
            .iter_mut()
            .zip([enc, int].into_iter().cycle());
        let mut lanes: ArrayVec<aes128::ExpandLane<'_>, CHUNK> = wanted
            .filter(|(_, wanted)| *wanted)
            .map(|(key, _)| aes128::ExpandLane { key: &mut key.0 })
            .collect();
        (aes128::expand::active().many)(&mut lanes);
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(..)")
    }
}
