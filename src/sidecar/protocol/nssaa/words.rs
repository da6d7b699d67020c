//! The procedure's words as octets: slices, settings, numbers of two or three values.

use crate::base::{AccessType, Error, Result};
use crate::nas::nssaa::{RejectionCause, SNssai, Slice};
use crate::procedure::nssaa::{NssaaSettings, SecondAccess, Subscribed};

use super::super::wire::{Frame, Reader};

/// Most slices of a request. More than any verb takes; the verb says so.
const LIST_MAX: usize = 64;

/// Octets of a slice on the wire: flags, S-NSSAI, mapped S-NSSAI.
const SLICE: usize = 11;

const MAPPED: u8 = 1;
const NSSAA: u8 = 2;
const DEFAULT: u8 = 4;

pub(super) fn flag(octet: u8) -> Result<bool> {
    match octet {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Error::Argument),
    }
}

pub(super) fn access(octet: u8) -> Result<AccessType> {
    AccessType::from_id(octet).ok_or(Error::Bearer)
}

pub(super) fn read_text<'a>(reader: &mut Reader<'a>) -> Result<&'a str> {
    let octets = reader.part()?.ok_or(Error::Argument)?;
    std::str::from_utf8(octets).map_err(|_| Error::Argument)
}

fn s_nssai_octets(s_nssai: SNssai) -> [u8; 5] {
    let [a, b, c] = s_nssai.sd.unwrap_or_default();
    [s_nssai.sst, u8::from(s_nssai.sd.is_some()), a, b, c]
}

pub(super) fn write_s_nssai(s_nssai: SNssai, frame: &mut Frame) -> Result<()> {
    frame.put(&s_nssai_octets(s_nssai))
}

fn s_nssai_of([sst, has_sd, a, b, c]: [u8; 5]) -> Result<SNssai> {
    let sd = match (has_sd, [a, b, c]) {
        (0, [0, 0, 0]) => None,
        (1, sd) => Some(sd),
        _ => return Err(Error::Argument),
    };
    Ok(SNssai { sst, sd })
}

pub(super) fn read_s_nssai(reader: &mut Reader<'_>) -> Result<SNssai> {
    s_nssai_of(reader.array()?)
}

fn slice_octets(slice: Slice, flags: u8) -> [u8; SLICE] {
    let mut octets = [0; SLICE];
    octets[0] = flags;
    octets[1..6].copy_from_slice(&s_nssai_octets(slice.s_nssai));
    if let Some(mapped) = slice.mapped {
        octets[0] |= MAPPED;
        octets[6..].copy_from_slice(&s_nssai_octets(mapped));
    }
    octets
}

fn slice_of(octets: &[u8; SLICE]) -> Result<Subscribed> {
    let [flags, a, b, c, d, e, mapped @ ..] = *octets;
    let mapped = match flags & MAPPED {
        0 if mapped != [0; 5] => return Err(Error::Argument),
        0 => None,
        _ => Some(s_nssai_of(mapped)?),
    };
    if flags & !(MAPPED | NSSAA | DEFAULT) != 0 {
        return Err(Error::Argument);
    }
    Ok(Subscribed {
        slice: Slice {
            s_nssai: s_nssai_of([a, b, c, d, e])?,
            mapped,
        },
        nssaa: flags & NSSAA != 0,
        default: flags & DEFAULT != 0,
    })
}

pub(super) fn write_slice(slice: Slice, frame: &mut Frame) -> Result<()> {
    frame.put(&slice_octets(slice, 0))
}

/// A slice that is no more than a slice.
pub(super) fn read_slice(reader: &mut Reader<'_>) -> Result<Slice> {
    plain(slice_of(&reader.array()?)?)
}

fn plain(subscribed: Subscribed) -> Result<Slice> {
    if subscribed.nssaa || subscribed.default {
        return Err(Error::Argument);
    }
    Ok(subscribed.slice)
}

/// Slices as they are on the wire: at most 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SliceList<'a>(&'a [[u8; SLICE]]);

impl<'a> SliceList<'a> {
    /// The octets of these slices, for [`SliceList::over`].
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 64.
    pub fn octets_of(slices: impl ExactSizeIterator<Item = Subscribed>) -> Result<Vec<u8>> {
        if slices.len() > LIST_MAX {
            return Err(Error::TooLong);
        }
        let flags = |one: &Subscribed| {
            (if one.nssaa { NSSAA } else { 0 }) | if one.default { DEFAULT } else { 0 }
        };
        Ok(slices
            .flat_map(|one| slice_octets(one.slice, flags(&one)))
            .collect())
    }

    /// The list that these octets are.
    ///
    /// # Errors
    /// [`Error::Argument`] when they are none; [`Error::TooLong`] for more than 64 slices.
    pub fn over(octets: &'a [u8]) -> Result<Self> {
        let (list, rest) = octets.as_chunks::<SLICE>();
        if !rest.is_empty() {
            return Err(Error::Argument);
        }
        if list.len() > LIST_MAX {
            return Err(Error::TooLong);
        }
        for octets in list {
            slice_of(octets)?;
        }
        Ok(Self(list))
    }

    /// The slices, with what a subscription says of them.
    #[must_use]
    pub fn subscribed(&self) -> Vec<Subscribed> {
        let each = self.0.iter().map(slice_of);
        // `over` looked at each.
        each.filter_map(Result::ok).collect()
    }

    /// The slices alone.
    ///
    /// # Errors
    /// [`Error::Argument`] for one with flags of a subscription.
    pub fn slices(&self) -> Result<Vec<Slice>> {
        self.subscribed().into_iter().map(plain).collect()
    }

    pub(super) fn write(&self, frame: &mut Frame) -> Result<()> {
        frame.part(Some(self.0.as_flattened()))
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        Self::over(reader.part()?.ok_or(Error::Argument)?)
    }
}

pub(super) fn write_settings(settings: &NssaaSettings, frame: &mut Frame) -> Result<()> {
    frame.u32(settings.t3575_seconds)?;
    frame.u32(settings.retry_seconds)?;
    frame.put(&[
        settings.retransmissions,
        settings.retries,
        u8::from(settings.after_success == SecondAccess::Run),
        u8::from(settings.after_failure == SecondAccess::Run),
        settings.prefer.bearer(),
        u8::from(settings.page),
        u8::from(settings.keep_allowed),
        u8::from(settings.register_again),
        settings.maximum_ues_as.0,
    ])
}

pub(super) fn read_settings(reader: &mut Reader<'_>) -> Result<NssaaSettings> {
    let (t3575_seconds, retry_seconds) = (reader.u32()?, reader.u32()?);
    let [
        retransmissions,
        retries,
        success,
        failure,
        prefer,
        page,
        keep,
        again,
        maximum,
    ] = reader.array()?;
    let second = |octet| -> Result<SecondAccess> {
        Ok(if flag(octet)? {
            SecondAccess::Run
        } else {
            SecondAccess::Skip
        })
    };
    Ok(NssaaSettings {
        t3575_seconds,
        retransmissions,
        retry_seconds,
        retries,
        after_success: second(success)?,
        after_failure: second(failure)?,
        prefer: access(prefer)?,
        page: flag(page)?,
        keep_allowed: flag(keep)?,
        register_again: flag(again)?,
        maximum_ues_as: RejectionCause(maximum),
    })
}
