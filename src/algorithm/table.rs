//! The two tables, indexed by the identity on the wire (TS 33.501 5.11.1).

use super::message::{OpenLane, ProtectLane, VerifyLane};
use super::{CipherLane, MacLane, nea1, nea2, nea3, nia1, nia2, nia3, null};
use crate::base::{Error, Result};

/// Ciphering algorithm; the discriminant is the identity on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Nea {
    /// Null ciphering.
    Nea0 = 0,
    /// SNOW 3G.
    Nea1 = 1,
    /// AES-128 in counter mode.
    Nea2 = 2,
    /// ZUC.
    Nea3 = 3,
}

/// Integrity algorithm; the discriminant is the identity on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Nia {
    /// Null integrity: every MAC is zero and proves nothing.
    Nia0 = 0,
    /// SNOW 3G.
    Nia1 = 1,
    /// AES-128 CMAC.
    Nia2 = 2,
    /// ZUC.
    Nia3 = 3,
}

/// A row of [`NEA`].
pub struct NeaRow {
    /// Which algorithm.
    pub nea: Nea,
    /// Name in TS 33.501 5.11.1.1.
    pub name: &'static str,
    /// Ciphers every lane in place with the kernel rows in use.
    pub cipher: fn(&mut [CipherLane<'_>]),
    /// The same with the kernel row of that name; `false`, and nothing done, when no kernel room has it here.
    pub cipher_on: fn(&str, &mut [CipherLane<'_>]) -> bool,
    /// Ciphers the ciphered part of every message to protect.
    pub(super) cipher_part: fn(&mut [ProtectLane<'_>]),
    /// Deciphers the ciphered part of every authentic message.
    pub(super) cipher_verified: fn(&mut [VerifyLane<'_>]),
}

/// A row of [`NIA`].
pub struct NiaRow {
    /// Which algorithm.
    pub nia: Nia,
    /// Name in TS 33.501 5.11.1.2.
    pub name: &'static str,
    /// Computes every lane's MAC with the kernel rows in use.
    pub mac: fn(&mut [MacLane<'_>]),
    /// The same with the kernel row of that name in every room that has it, the rows in use in the others;
    /// `false`, and nothing done, when no kernel room has it here.
    pub mac_on: fn(&str, &mut [MacLane<'_>]) -> bool,
    /// Computes the MAC of every message to protect.
    pub(super) mac_part: fn(&mut [ProtectLane<'_>]),
    /// Computes the MAC of every message to verify.
    #[cfg_attr(not(feature = "std"), allow(dead_code))] // sessions ask for it
    pub(super) mac_open: fn(&mut [OpenLane<'_>]),
    /// Computes the MAC of every message to verify and compares it.
    pub(super) mac_verify: fn(&mut [VerifyLane<'_>]),
}

/// Ciphering algorithms by identity.
pub static NEA: [NeaRow; 4] = [null::NEA0, nea1::ROW, nea2::ROW, nea3::ROW];

/// Integrity algorithms by identity.
pub static NIA: [NiaRow; 4] = [null::NIA0, nia1::ROW, nia2::ROW, nia3::ROW];

impl Nea {
    /// Every ciphering algorithm, in order of identity.
    pub const ALL: [Self; 4] = [Self::Nea0, Self::Nea1, Self::Nea2, Self::Nea3];

    /// The algorithm with this identity; `None` when it is not built in.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::Nea0),
            1 => Some(Self::Nea1),
            2 => Some(Self::Nea2),
            3 => Some(Self::Nea3),
            _ => None,
        }
    }

    /// The identity on the wire.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// Its row.
    #[must_use]
    pub fn row(self) -> &'static NeaRow {
        &NEA[self as usize]
    }

    /// Name in TS 33.501 5.11.1.1, for example `128-NEA2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

impl Nia {
    /// Every integrity algorithm, in order of identity.
    pub const ALL: [Self; 4] = [Self::Nia0, Self::Nia1, Self::Nia2, Self::Nia3];

    /// The algorithm with this identity; `None` when it is not built in.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::Nia0),
            1 => Some(Self::Nia1),
            2 => Some(Self::Nia2),
            3 => Some(Self::Nia3),
            _ => None,
        }
    }

    /// The identity on the wire.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// Its row.
    #[must_use]
    pub fn row(self) -> &'static NiaRow {
        &NIA[self as usize]
    }

    /// Name in TS 33.501 5.11.1.2, for example `128-NIA2`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }
}

/// Ciphers or deciphers every lane in place (TS 33.501 D.2). Keys must have been prepared for `nea`.
pub fn cipher(nea: Nea, lanes: &mut [CipherLane<'_>]) {
    (nea.row().cipher)(lanes);
}

/// Computes every lane's MAC (TS 33.501 D.3). Keys must have been prepared for `nia`.
pub fn mac(nia: Nia, lanes: &mut [MacLane<'_>]) {
    (nia.row().mac)(lanes);
}

/// [`cipher`] with the kernel row called `backend`, for self-tests.
///
/// # Errors
/// [`Error::Argument`] when no kernel room of `nea` has such a row on this processor; nothing was ciphered.
pub fn cipher_on(nea: Nea, backend: &str, lanes: &mut [CipherLane<'_>]) -> Result<()> {
    if (nea.row().cipher_on)(backend, lanes) {
        Ok(())
    } else {
        Err(Error::Argument)
    }
}

/// [`mac`] with the kernel row called `backend` in every room that has it, for self-tests.
///
/// # Errors
/// [`Error::Argument`] when no kernel room of `nia` has such a row on this processor; no MAC was computed.
pub fn mac_on(nia: Nia, backend: &str, lanes: &mut [MacLane<'_>]) -> Result<()> {
    if (nia.row().mac_on)(backend, lanes) {
        Ok(())
    } else {
        Err(Error::Argument)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_the_table_is_the_identity() {
        for id in 0..=255 {
            assert_eq!(
                Nea::from_id(id).map(|nea| (nea.id(), nea.row().nea.id())),
                (id < 4).then_some((id, id))
            );
            assert_eq!(
                Nia::from_id(id).map(|nia| (nia.id(), nia.row().nia.id())),
                (id < 4).then_some((id, id))
            );
        }
        assert_eq!(
            Nea::ALL.map(Nea::name),
            ["NEA0", "128-NEA1", "128-NEA2", "128-NEA3"]
        );
        assert_eq!(
            Nia::ALL.map(Nia::name),
            ["NIA0", "128-NIA1", "128-NIA2", "128-NIA3"]
        );
    }
}
