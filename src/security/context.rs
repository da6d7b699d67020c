//! One 5G NAS security context: K_AMF, ngKSI, capability, and once it is full the NAS keys (TS 33.501 3.1, 6.3).

use crate::algorithm::{CipherKey, Key, Nea, Nia, cipher_key};
use crate::base::cpu::prefetch;
use crate::base::{AccessType, Direction, Error, NgKsi, Result};
use crate::kdf::{self, AlgorithmId, KAmf};
use crate::nas::UeSecurityCapability;

use super::count::Pair;
use super::ledger::Cell;

/// K_NASenc and K_NASint of one context.
pub type NasKeys = (kdf::KNasEnc, kdf::KNasInt);

/// Where K_AMF comes from (TS 33.501 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Primary authentication in 5GS, or horizontal derivation from such a key.
    Native,
    /// An EPS context (TS 33.501 A.15).
    Mapped,
}

/// The selected algorithms of a full context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithms {
    /// Ciphering.
    pub nea: Nea,
    /// Integrity.
    pub nia: Nia,
}

impl Algorithms {
    /// Those with these identities on the wire (TS 24.501 9.11.3.34).
    ///
    /// # Errors
    /// [`Error::AlgorithmNotSupported`] for one above 3.
    pub fn from_ids(nea: u8, nia: u8) -> Result<Self> {
        let pair = Nea::from_id(nea).zip(Nia::from_id(nia));
        let (nea, nia) = pair.ok_or(Error::AlgorithmNotSupported)?;
        Ok(Self { nea, nia })
    }

    /// As [`Algorithms::from_ids`]; `None` where both are 255, which stands for a choice that is not the caller's.
    ///
    /// # Errors
    /// As there.
    pub fn given(nea: u8, nia: u8) -> Result<Option<Self>> {
        if nea == u8::MAX && nia == u8::MAX {
            return Ok(None);
        }
        Self::from_ids(nea, nia).map(Some)
    }
}

/// Which half of the NAS security this session is: it decides what is sent and what is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Sends downlink, receives uplink.
    Amf = 0,
    /// Sends uplink, receives downlink.
    Ue = 1,
}

impl Role {
    /// DIRECTION of what this role sends.
    #[must_use]
    pub const fn sends(self) -> Direction {
        match self {
            Self::Amf => Direction::Downlink,
            Self::Ue => Direction::Uplink,
        }
    }

    /// DIRECTION of what this role receives.
    #[must_use]
    pub const fn receives(self) -> Direction {
        match self {
            Self::Amf => Direction::Uplink,
            Self::Ue => Direction::Downlink,
        }
    }
}

/// What a context is made from.
#[derive(Debug)]
pub struct Identity {
    /// The key that everything below is derived from.
    pub k_amf: KAmf,
    /// Name of the key; TSC says native or mapped.
    pub ng_ksi: NgKsi,
    /// The UE's capability, octet by octet as it was received.
    pub ue_sec_cap: UeSecurityCapability,
    /// Unauthenticated emergency session: the only case in which NIA0 is permitted (TS 33.501 10.2.2).
    pub emergency: bool,
}

/// A security context. Partial until [`Context::activate`]; only a full one has keys.
///
/// In this order: what every message touches stands together, then the keys, each with its raw octets first, then what
/// only procedures touch. A message through SNOW 3G or ZUC touches four lines of its session, of nine, through AES eight.
#[derive(Debug)]
#[repr(C)]
pub struct Context {
    /// COUNTs of both accesses. Not meaningful while `shares_counts` is set.
    pub(in crate::security) counts: [Pair; 2],
    full: Option<Algorithms>,
    /// This context has the K_AMF of the current one, and so its COUNTs (TS 33.501 6.4.5: no reset without a new
    /// key).
    pub(in crate::security) shares_counts: bool,
    /// Where its COUNTs stand in the session's line.
    pub(in crate::security) cell: Option<Cell>,
    enc: CipherKey,
    int: Key,
    identity: Identity,
}

impl Context {
    /// Octets in front of the keys, which every message touches.
    pub(in crate::security) const FRONT: usize = std::mem::offset_of!(Self, enc);

    /// A partial context: K_AMF, ngKSI and capability, both COUNT pairs at 0 (TS 33.501 3.1).
    ///
    /// # Errors
    /// [`Error::NgKsi`] for "no key is available".
    pub fn partial(identity: Identity) -> Result<Self> {
        if !identity.ng_ksi.is_key() {
            return Err(Error::NgKsi);
        }
        Ok(Self::blank(identity))
    }

    fn blank(identity: Identity) -> Self {
        Self {
            identity,
            full: None,
            enc: CipherKey::raw(&[0; 16]),
            int: Key::for_nea(Nea::Nea0, &[0; 16]),
            counts: [Pair::start(), Pair::start()],
            shares_counts: false,
            cell: None,
        }
    }

    /// Derives K_NASenc and K_NASint (TS 33.501 A.8) and makes the context full.
    ///
    /// # Errors
    /// [`Error::NullIntegrity`] for NIA0 outside an emergency session, or for NIA0 with a ciphering algorithm
    /// other than NEA0 (TS 33.501 6.7.2).
    pub fn activate(&mut self, algorithms: Algorithms) -> Result<()> {
        self.activate_with(algorithms, |_, _| None)
    }

    /// As [`Context::activate`], with keys that may have been derived ahead.
    pub(in crate::security) fn activate_with(
        &mut self,
        algorithms: Algorithms,
        ahead: impl FnOnce(&KAmf, (AlgorithmId, AlgorithmId)) -> Option<NasKeys>,
    ) -> Result<()> {
        let Algorithms { nea, nia } = algorithms;
        if nia == Nia::Nia0 && (!self.identity.emergency || nea != Nea::Nea0) {
            return Err(Error::NullIntegrity);
        }
        let (Some(nea_id), Some(nia_id)) = (AlgorithmId::new(nea.id()), AlgorithmId::new(nia.id()))
        else {
            return Err(Error::AlgorithmNotSupported);
        };
        let k_amf = &self.identity.k_amf;
        let (k_nas_enc, k_nas_int) = ahead(k_amf, (nea_id, nia_id)).unwrap_or_else(|| {
            let mut lane = [kdf::KNasLane::new(k_amf, nea_id, nia_id)];
            kdf::k_nas_batch(&mut lane);
            let [lane] = lane;
            (lane.k_nas_enc, lane.k_nas_int)
        });
        self.enc = cipher_key(nea, k_nas_enc.expose());
        self.int = Key::for_nia(nia, k_nas_int.expose());
        self.full = Some(algorithms);
        Ok(())
    }

    /// Wipes the NAS keys: the context is partial again, its COUNTs stay.
    pub(in crate::security) fn deactivate(&mut self) {
        self.enc = CipherKey::raw(&[0; 16]);
        self.int = Key::for_nea(Nea::Nea0, &[0; 16]);
        self.full = None;
    }

    /// Moves a context out of a room that lives on. A move leaves the octets where they were, so a blank context
    /// takes the place first, and its going wipes the room.
    pub(in crate::security) fn take_from(room: &mut Option<Self>) -> Option<Self> {
        let blank = Self::blank(room.as_ref()?.identity_without_key());
        let taken = room.replace(blank);
        *room = None;
        taken
    }

    fn identity_without_key(&self) -> Identity {
        Identity {
            k_amf: KAmf::new([0; 32]),
            ng_ksi: self.identity.ng_ksi,
            ue_sec_cap: self.identity.ue_sec_cap,
            emergency: self.identity.emergency,
        }
    }

    /// Goes on where a record stopped.
    pub(crate) fn resume(&mut self, counts: [Pair; 2]) {
        self.counts = counts;
    }

    /// A second context from the same K_AMF, for other algorithms. It counts on where the current one stands.
    pub(in crate::security) fn sibling(&self) -> Result<Self> {
        let mut sibling = Self::partial(Identity {
            k_amf: self.identity.k_amf.clone(),
            ng_ksi: self.identity.ng_ksi,
            ue_sec_cap: self.identity.ue_sec_cap,
            emergency: self.identity.emergency,
        })?;
        sibling.shares_counts = true;
        Ok(sibling)
    }

    /// K_AMF.
    #[must_use]
    pub fn k_amf(&self) -> &KAmf {
        &self.identity.k_amf
    }

    /// ngKSI.
    #[must_use]
    pub fn ng_ksi(&self) -> NgKsi {
        self.identity.ng_ksi
    }

    /// Native or mapped.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.identity.ng_ksi.is_mapped() {
            Kind::Mapped
        } else {
            Kind::Native
        }
    }

    /// The capability that a verified message brought in place of the earlier one.
    pub(in crate::security) fn renew_capability(&mut self, ue_sec_cap: UeSecurityCapability) {
        self.identity.ue_sec_cap = ue_sec_cap;
    }

    /// The UE's security capability as received.
    #[must_use]
    pub fn ue_sec_cap(&self) -> &UeSecurityCapability {
        &self.identity.ue_sec_cap
    }

    /// True for an unauthenticated emergency session.
    #[must_use]
    pub fn emergency(&self) -> bool {
        self.identity.emergency
    }

    /// The selected algorithms; `None` while the context is partial.
    #[must_use]
    pub fn algorithms(&self) -> Option<Algorithms> {
        self.full
    }

    /// Selected algorithms and prepared keys.
    ///
    /// # Errors
    /// [`Error::NoContext`] while the context is partial (R24: what was never activated protects nothing).
    pub(in crate::security) fn keys(&self) -> Result<Keys<'_>> {
        let algorithms = self.full.ok_or(Error::NoContext)?;
        Ok(Keys {
            algorithms,
            enc: &self.enc,
            int: &self.int,
        })
    }

    /// Asks for the raw keys, which are all that most algorithms read. Who reads an AES schedule to protect asks for it
    /// itself.
    #[inline]
    pub(in crate::security) fn ask_to_protect(&self) {
        prefetch(self.enc.key());
        prefetch(self.int.raw());
    }

    /// Asks for what computing a MAC and deciphering will read.
    #[inline]
    pub(in crate::security) fn ask_to_verify(&self) {
        let Some(Algorithms { nea, nia }) = self.full else {
            return;
        };
        match nea {
            Nea::Nea2 => prefetch(&self.enc),
            _ => prefetch(self.enc.key()),
        }
        match nia {
            Nia::Nia2 => prefetch(&self.int),
            _ => prefetch(self.int.raw()),
        }
    }

    pub(in crate::security) fn pair_mut(&mut self, access: AccessType) -> &mut Pair {
        &mut self.counts[access.index()]
    }

    pub(in crate::security) fn pair(&self, access: AccessType) -> &Pair {
        &self.counts[access.index()]
    }
}

/// Borrowed keys of a full context.
#[derive(Clone, Copy)]
pub(in crate::security) struct Keys<'a> {
    pub(in crate::security) algorithms: Algorithms,
    pub(in crate::security) enc: &'a CipherKey,
    pub(in crate::security) int: &'a Key,
}
