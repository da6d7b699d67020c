//! The octets of a record, version 1; every integer is big-endian, every optional part has a flag of its own
//! (R12: COUNT 0 that was accepted and nothing accepted yet are different values).
//!
//! ```text
//! 0   magic "NLSR"
//! 4   version (2)
//! 6   length of the whole record, checksum included (2)
//! 8   role: 0 AMF, 1 UE
//! 9   flags: bit 0 NH chain, bit 1 connections, bit 2 slices
//! 10  number of contexts, 0..=4
//! 11  NH chain:    NCC with bit 7 set while the key is K_gNB (1), key (32)
//!     connections: for 3GPP, then non-3GPP access: flags (1), COUNT for K_gNB (4, zero without its flag);
//!                  bit 0 secured, bit 1 on the previous context, bit 2 initial message accepted, bit 3 COUNT
//!     contexts, by ascending place:
//!                  place (1), flags (1), ngKSI (1), NEA (1), NIA (1), capability length (1) and value,
//!                  K_AMF (32); bit 0 full (else NEA and NIA are zero), bit 1 emergency, bit 2 COUNTs follow;
//!                  COUNTs: for 3GPP, then non-3GPP access: next to send (4), lowest to accept (4), seen (8)
//!     slices:      length (2) and what network slice-specific authentication knows of an AMF's UE, with a version
//!                  of its own (procedure/nssaa/record.rs); a record without them is as it was before there were any
//!     checksum:    the first 16 octets of SHA-256 over all before
//! ```

use sha2::{Digest, Sha256};

use crate::algorithm::{Nea, Nia};
use crate::base::secret::ct_eq;
use crate::base::{AccessType, Error, NgKsi, Result};
use crate::kdf::{AsKey, KAmf, KGnb, Nh, NhChain};
use crate::nas::UeSecurityCapability;
use crate::procedure::nssaa::RECORD_MAX;
use crate::security::count::{Pair, ReceiveCount, SendCount};
use crate::security::transfer::{StoredAccess, StoredContext};
use crate::security::{Algorithms, Context, Identity, Place, Role};

use super::record::Record;

const MAGIC: &[u8; 4] = b"NLSR";
const VERSION: u16 = 1;
const CHECKSUM: usize = 16;

const HEADER: usize = 11;
const NH_CHAIN: usize = 1 + KAmf::LEN;
const CONNECTION: usize = 5;
const PAIR: usize = 16;
const CONTEXT: usize = 6 + UeSecurityCapability::MAX + KAmf::LEN + 2 * PAIR;

const SLICES: usize = 2 + RECORD_MAX;

/// Octets of the longest record.
pub const MAX_LEN: usize = HEADER + NH_CHAIN + 2 * CONNECTION + 4 * CONTEXT + SLICES + CHECKSUM;

/// Octets of the longest record that says nothing of slices.
#[cfg(all(feature = "survive", target_os = "linux"))]
pub(super) const WITHOUT_SLICES: usize = MAX_LEN - SLICES;

/// Header flags.
const HAS_NH: u8 = 1;
const HAS_CONNECTIONS: u8 = 2;
const HAS_SLICES: u8 = 4;

/// Flag of an NCC: the chain still stands at K_gNB.
const AT_K_GNB: u8 = 0x80;

/// Flags of a connection.
const SECURED: u8 = 1;
const ON_PREVIOUS: u8 = 2;
const INITIAL_ACCEPTED: u8 = 4;
const HAS_AS_COUNT: u8 = 8;

/// Flags of a context.
const FULL: u8 = 1;
const EMERGENCY: u8 = 2;
const OWN_COUNTS: u8 = 4;

fn flag(set: bool, bit: u8) -> u8 {
    if set { bit } else { 0 }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM] {
    let mut short = [0; CHECKSUM];
    short.copy_from_slice(&Sha256::digest(body)[..CHECKSUM]);
    short
}

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) role: Role,
    pub(super) nh: bool,
    pub(super) connections: bool,
    pub(super) slices: bool,
    pub(super) contexts: u8,
}

/// Appends the parts of a record in their order.
pub(super) struct Writer<'a>(&'a mut Record);

impl<'a> Writer<'a> {
    /// Begins a record in place of whatever `record` held.
    pub(super) fn new(record: &'a mut Record, header: Header) -> Result<Self> {
        record.wipe();
        let mut writer = Self(record);
        writer.put(MAGIC)?;
        writer.put(&VERSION.to_be_bytes())?;
        writer.put(&[0, 0])?;
        let flags = flag(header.nh, HAS_NH)
            | flag(header.connections, HAS_CONNECTIONS)
            | flag(header.slices, HAS_SLICES);
        writer.put(&[header.role as u8, flags, header.contexts])?;
        Ok(writer)
    }

    fn put(&mut self, octets: &[u8]) -> Result<()> {
        self.0.push(octets)
    }

    pub(super) fn nh(&mut self, nh: &NhChain) -> Result<()> {
        match nh.current() {
            AsKey::KGnb(key) => {
                self.put(&[nh.ncc() | AT_K_GNB])?;
                self.put(key.expose())
            }
            AsKey::Nh(key) => {
                self.put(&[nh.ncc()])?;
                self.put(key.expose())
            }
        }
    }

    pub(super) fn connection(&mut self, state: StoredAccess) -> Result<()> {
        let flags = flag(state.secured, SECURED)
            | flag(state.on_previous, ON_PREVIOUS)
            | flag(state.initial_accepted, INITIAL_ACCEPTED)
            | flag(state.as_count.is_some(), HAS_AS_COUNT);
        self.put(&[flags])?;
        self.put(&state.as_count.unwrap_or_default().to_be_bytes())
    }

    pub(super) fn context(&mut self, place: Place, context: &Context) -> Result<()> {
        let own_counts = !context.shares_counts();
        let flags = flag(context.algorithms().is_some(), FULL)
            | flag(context.emergency(), EMERGENCY)
            | flag(own_counts, OWN_COUNTS);
        let (nea, nia) = context
            .algorithms()
            .map_or((0, 0), |a| (a.nea.id(), a.nia.id()));
        let capability = context.ue_sec_cap().value();
        self.put(&[
            place as u8,
            flags,
            context.ng_ksi().bits(),
            nea,
            nia,
            capability.len() as u8,
        ])?;
        self.put(capability)?;
        self.put(context.k_amf().expose())?;
        if own_counts {
            for access in AccessType::ALL {
                let pair = context.own_pair(access);
                self.put(&pair.send.next().to_be_bytes())?;
                self.put(&pair.receive.next_min().to_be_bytes())?;
                self.put(&pair.receive.seen().to_be_bytes())?;
            }
        }
        Ok(())
    }

    pub(super) fn slices(&mut self, octets: &[u8]) -> Result<()> {
        let len = u16::try_from(octets.len()).map_err(|_| Error::TooLong)?;
        self.put(&len.to_be_bytes())?;
        self.put(octets)
    }

    /// Writes length and checksum.
    pub(super) fn finish(mut self) -> Result<()> {
        let length = self.0.as_bytes().len() + CHECKSUM;
        self.0
            .set_length(u16::try_from(length).map_err(|_| Error::TooLong)?);
        let sum = checksum(self.0.as_bytes());
        self.put(&sum)
    }
}

/// Reads the parts of a record in their order. Anything that [`Writer`] does not write is refused.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Checks magic, version, length, checksum and header.
    pub(super) fn open(record: &'a [u8]) -> Result<(Self, Header)> {
        let (body, sum) = record
            .split_at_checked(record.len().wrapping_sub(CHECKSUM))
            .ok_or(Error::Record)?;
        let mut reader = Self(body);
        let length = record.len().to_be_bytes();
        let told = [
            reader.take::<4>()? == *MAGIC,
            reader.take()? == VERSION.to_be_bytes(),
        ];
        let whole = length.ends_with(&reader.take::<2>()?) && record.len() <= MAX_LEN;
        if told != [true; 2] || !whole || !ct_eq(&checksum(body), sum) {
            return Err(Error::Record);
        }
        let [role, flags, contexts] = reader.take()?;
        let role = match role {
            0 => Role::Amf,
            1 => Role::Ue,
            _ => return Err(Error::Record),
        };
        let known = HAS_NH | HAS_CONNECTIONS | HAS_SLICES;
        if flags & !known != 0 || usize::from(contexts) > Place::ALL.len() {
            return Err(Error::Record);
        }
        let (nh, connections) = (flags & HAS_NH != 0, flags & HAS_CONNECTIONS != 0);
        let slices = flags & HAS_SLICES != 0;
        if slices && role == Role::Ue {
            return Err(Error::Record);
        }
        Ok((
            reader,
            Header {
                role,
                nh,
                connections,
                slices,
                contexts,
            },
        ))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk().ok_or(Error::Record)?;
        self.0 = rest;
        Ok(*octets)
    }

    fn slice(&mut self, len: impl Into<usize>) -> Result<&'a [u8]> {
        let (octets, rest) = self.0.split_at_checked(len.into()).ok_or(Error::Record)?;
        self.0 = rest;
        Ok(octets)
    }

    fn number(&mut self) -> Result<u32> {
        Ok(u32::from_be_bytes(self.take()?))
    }

    pub(super) fn nh(&mut self) -> Result<NhChain> {
        let [ncc] = self.take()?;
        let key = self.slice(Nh::LEN as u8)?;
        if ncc == AT_K_GNB {
            return KGnb::from_slice(key)
                .map(NhChain::start)
                .ok_or(Error::Record);
        }
        let nh = Nh::from_slice(key).ok_or(Error::Record)?;
        NhChain::resume(nh, ncc).map_err(|_| Error::Record)
    }

    pub(super) fn connection(&mut self) -> Result<StoredAccess> {
        let [flags] = self.take()?;
        let count = self.number()?;
        let has_count = flags & HAS_AS_COUNT != 0;
        if flags & !(SECURED | ON_PREVIOUS | INITIAL_ACCEPTED | HAS_AS_COUNT) != 0
            || (!has_count && count != 0)
        {
            return Err(Error::Record);
        }
        Ok(StoredAccess {
            secured: flags & SECURED != 0,
            on_previous: flags & ON_PREVIOUS != 0,
            initial_accepted: flags & INITIAL_ACCEPTED != 0,
            as_count: has_count.then_some(count),
        })
    }

    fn pair(&mut self) -> Result<Pair> {
        let (send, next_min) = (self.number()?, self.number()?);
        let seen = u64::from_be_bytes(self.take()?);
        Ok(Pair {
            send: SendCount::resume(send).map_err(|_| Error::Record)?,
            receive: ReceiveCount::resume(next_min, seen).map_err(|_| Error::Record)?,
        })
    }

    pub(super) fn context(&mut self) -> Result<StoredContext> {
        let [place, flags, ng_ksi, nea, nia, capability_len] = self.take()?;
        let place = *Place::ALL.get(usize::from(place)).ok_or(Error::Record)?;
        let capability = self.slice(capability_len)?;
        let k_amf = KAmf::from_slice(self.slice(KAmf::LEN as u8)?).ok_or(Error::Record)?;
        let identity = Identity {
            k_amf,
            ng_ksi: NgKsi::from_bits(ng_ksi).ok_or(Error::Record)?,
            ue_sec_cap: UeSecurityCapability::from_value(capability).map_err(|_| Error::Record)?,
            emergency: flags & EMERGENCY != 0,
        };
        let full = flags & FULL != 0;
        if flags & !(FULL | EMERGENCY | OWN_COUNTS) != 0 || (!full && (nea, nia) != (0, 0)) {
            return Err(Error::Record);
        }
        let nea = Nea::from_id(nea).ok_or(Error::Record)?;
        let nia = Nia::from_id(nia).ok_or(Error::Record)?;
        let counts = if flags & OWN_COUNTS != 0 {
            Some([self.pair()?, self.pair()?])
        } else {
            None
        };
        Ok(StoredContext {
            place,
            identity,
            algorithms: full.then_some(Algorithms { nea, nia }),
            counts,
        })
    }

    pub(super) fn slices(&mut self) -> Result<&'a [u8]> {
        let len = u16::from_be_bytes(self.take()?);
        self.slice(len)
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Record)
        }
    }
}
