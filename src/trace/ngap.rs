//! The outside of NGAP (TS 38.413, aligned PER): which procedure, which UE, which NAS PDUs. No full decoder.
//!
//! Every NGAP PDU is a procedure code and a list of elements, each with an identity and a length of its own; NAS
//! PDUs are octet strings in them, at known places of three lists. What is not needed is stepped over by its length.

use crate::base::{AccessType, Direction};

/// Procedure codes (TS 38.413 9.4.7).
pub mod procedure {
    /// DOWNLINK NAS TRANSPORT.
    pub const DOWNLINK_NAS: u8 = 4;
    /// HANDOVER REQUEST and its acknowledgement.
    pub const HANDOVER_RESOURCES: u8 = 13;
    /// INITIAL CONTEXT SETUP.
    pub const INITIAL_CONTEXT_SETUP: u8 = 14;
    /// INITIAL UE MESSAGE.
    pub const INITIAL_UE_MESSAGE: u8 = 15;
    /// NG RESET.
    pub const NG_RESET: u8 = 20;
    /// NG SETUP.
    pub const NG_SETUP: u8 = 21;
    /// PATH SWITCH REQUEST.
    pub const PATH_SWITCH: u8 = 25;
    /// PDU SESSION RESOURCE MODIFY.
    pub const SESSION_MODIFY: u8 = 26;
    /// PDU SESSION RESOURCE RELEASE.
    pub const SESSION_RELEASE: u8 = 28;
    /// PDU SESSION RESOURCE SETUP.
    pub const SESSION_SETUP: u8 = 29;
    /// UE CONTEXT RELEASE: command and complete.
    pub const UE_RELEASE: u8 = 41;
    /// UPLINK NAS TRANSPORT.
    pub const UPLINK_NAS: u8 = 46;
}

/// Element identities (TS 38.413 9.4.7).
mod id {
    pub(super) const AMF_UE: u16 = 10;
    pub(super) const NAS_PDU: u16 = 38;
    pub(super) const RAN_UE: u16 = 85;
    pub(super) const SOURCE_AMF_UE: u16 = 100;
    pub(super) const UE_IDS: u16 = 114;
    pub(super) const LOCATION: u16 = 121;
    /// Lists whose items hold a NAS PDU, and whether an S-NSSAI follows it.
    pub(super) const LISTS: [(u16, bool); 3] = [(64, false), (71, true), (74, true)];
}

/// Which of the three kinds of NGAP PDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Initiating message.
    Initiating,
    /// Successful outcome.
    Successful,
    /// Unsuccessful outcome.
    Unsuccessful,
}

/// What one NGAP PDU says, borrowed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ngap<'a> {
    /// Which kind of PDU.
    pub kind: Kind,
    /// Procedure code.
    pub procedure: u8,
    /// AMF UE NGAP ID.
    pub amf_ue: Option<u64>,
    /// RAN UE NGAP ID.
    pub ran_ue: Option<u64>,
    /// The access that the user location information names.
    pub access: Option<AccessType>,
    /// NAS PDUs, in wire order.
    pub nas: Vec<&'a [u8]>,
}

impl Ngap<'_> {
    /// Direction of the NAS PDUs inside; `None` for a procedure that carries none to or from a UE, as the NAS NON
    /// DELIVERY INDICATION, which gives a downlink PDU back.
    #[must_use]
    pub const fn direction(&self) -> Option<Direction> {
        use procedure as p;
        match (self.procedure, self.kind) {
            (p::INITIAL_UE_MESSAGE | p::UPLINK_NAS, Kind::Initiating) => Some(Direction::Uplink),
            (
                p::DOWNLINK_NAS
                | p::INITIAL_CONTEXT_SETUP
                | p::SESSION_SETUP
                | p::SESSION_MODIFY
                | p::SESSION_RELEASE,
                Kind::Initiating,
            ) => Some(Direction::Downlink),
            _ => None,
        }
    }
}

/// Reads aligned PER, octets and the bits before them.
struct Per<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl<'a> Per<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, bit: 0 }
    }

    fn bits(&mut self, count: usize) -> Option<u8> {
        let mut value = 0;
        for _ in 0..count {
            let octet = *self.bytes.get(self.bit / 8)?;
            value = value << 1 | octet >> (7 - self.bit % 8) & 1;
            self.bit += 1;
        }
        Some(value)
    }

    /// `count` octets from the next octet boundary.
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let start = self.bit.div_ceil(8);
        let end = start.checked_add(count)?;
        let taken = self.bytes.get(start..end)?;
        self.bit = end * 8;
        Some(taken)
    }

    fn number(&mut self, count: usize) -> Option<u64> {
        let octets = self.take(count)?;
        Some(octets.iter().fold(0, |n, &octet| n << 8 | u64::from(octet)))
    }

    /// An open type or octet string of any length below 16384: longer ones come in fragments, and no NAS PDU does.
    fn any(&mut self) -> Option<&'a [u8]> {
        let first = self.number(1)? as usize;
        let len = match first >> 6 {
            0 | 1 => first,
            2 => (first & 0x3F) << 8 | self.number(1)? as usize,
            _ => return None,
        };
        self.take(len)
    }

    /// The elements of a container, identity and value; `least` is the least number of them, which is not sent.
    fn elements(&mut self, least: u64) -> Option<Vec<(u16, &'a [u8])>> {
        let count = self.number(2)? + least;
        let mut out = Vec::new();
        for _ in 0..count {
            let id = self.number(2)? as u16;
            self.number(1)?; // criticality
            out.push((id, self.any()?));
        }
        Some(out)
    }
}

/// Reads an NGAP PDU; `None` when it is none, or cut short.
#[must_use]
pub fn read(pdu: &[u8]) -> Option<Ngap<'_>> {
    let mut per = Per::new(pdu);
    let kind = match per.number(1)? {
        0x00 => Kind::Initiating,
        0x20 => Kind::Successful,
        0x40 => Kind::Unsuccessful,
        _ => return None,
    };
    let procedure = per.number(1)? as u8;
    per.number(1)?; // criticality
    let mut body = Per::new(per.any()?);
    body.bits(1)?; // extension
    let mut ngap = Ngap {
        kind,
        procedure,
        amf_ue: None,
        ran_ue: None,
        access: None,
        nas: Vec::new(),
    };
    let mut source_amf_ue = None;
    for (id, value) in body.elements(0)? {
        let mut value = Per::new(value);
        match id {
            id::AMF_UE => ngap.amf_ue = long(&mut value, 5),
            id::SOURCE_AMF_UE => source_amf_ue = long(&mut value, 5),
            id::RAN_UE => ngap.ran_ue = long(&mut value, 4),
            id::UE_IDS => (ngap.amf_ue, ngap.ran_ue) = pair(&mut value).unwrap_or_default(),
            id::LOCATION => ngap.access = value.bits(2).map(access),
            id::NAS_PDU => ngap.nas.extend(value.any()),
            _ => {
                if let Some((_, slice)) = id::LISTS.iter().find(|(list, _)| *list == id) {
                    items(&mut value, *slice, &mut ngap.nas);
                }
            }
        }
    }
    ngap.amf_ue = ngap.amf_ue.or(source_amf_ue);
    Some(ngap)
}

/// An integer of up to `most` octets: two or three bits of length, then the octets.
fn long(per: &mut Per<'_>, most: usize) -> Option<u64> {
    let len = usize::from(per.bits(if most > 4 { 3 } else { 2 })?) + 1;
    if len > most {
        return None;
    }
    per.number(len)
}

/// UE NGAP IDs: both, or the AMF's alone.
fn pair(per: &mut Per<'_>) -> Option<(Option<u64>, Option<u64>)> {
    match per.bits(2)? {
        0 => {
            per.bits(2)?; // extension, no further elements
            let amf = long(per, 5)?;
            Some((Some(amf), long(per, 4)))
        }
        1 => Some((Some(long(per, 5)?), None)),
        _ => None,
    }
}

/// User location information: E-UTRA and NR are 3GPP access, N3IWF and the later choices are not.
const fn access(choice: u8) -> AccessType {
    match choice {
        0 | 1 => AccessType::ThreeGpp,
        _ => AccessType::NonThreeGpp,
    }
}

/// The NAS PDUs of a list of PDU sessions. Stops where the list is not understood.
fn items<'a>(per: &mut Per<'a>, slice: bool, nas: &mut Vec<&'a [u8]>) {
    let Some(count) = per.number(1) else { return };
    for _ in 0..=count {
        if item(per, slice, nas).is_none() {
            return;
        }
    }
}

fn item<'a>(per: &mut Per<'a>, slice: bool, nas: &mut Vec<&'a [u8]>) -> Option<()> {
    let (extended, has_nas, has_extensions) = (per.bits(1)?, per.bits(1)?, per.bits(1)?);
    per.number(1)?; // PDU session identity
    if has_nas == 1 {
        nas.push(per.any()?);
    }
    if slice {
        let (extended, has_sd, has_more) = (per.bits(1)?, per.bits(1)?, per.bits(1)?);
        per.bits(8)?; // SST: two octets or less are not aligned
        if has_sd == 1 {
            per.take(3)?;
        }
        if extended == 1 || has_more == 1 {
            return None;
        }
    }
    per.any()?; // the transfer for the SMF
    if has_extensions == 1 {
        per.elements(1)?;
    }
    (extended == 0).then_some(())
}
