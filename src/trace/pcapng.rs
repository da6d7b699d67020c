//! A pcapng file of NAS messages, deciphered where their MAC was right. Link type 252 is Wireshark's own for exported
//! PDUs: each packet names its dissector, so that the file opens without settings.

use super::row::Row;
use crate::base::Direction;

const LINKTYPE_WIRESHARK_UPPER_PDU: u16 = 252;
const DISSECTOR: &[u8] = b"nas-5gs";
const TAG_DISSECTOR: u16 = 12;
const OPTION_COMMENT: u16 = 1;
const OPTION_FLAGS: u16 = 2;
const OPTION_RESOLUTION: u16 = 9;

/// The blocks before the first packet: section header and one interface with nanoseconds.
#[must_use]
pub fn header() -> Vec<u8> {
    let mut section = Vec::new();
    section.extend(0x1A2B_3C4D_u32.to_le_bytes());
    section.extend(1_u16.to_le_bytes());
    section.extend(0_u16.to_le_bytes());
    section.extend((-1_i64).to_le_bytes());
    let mut interface = Vec::new();
    interface.extend(LINKTYPE_WIRESHARK_UPPER_PDU.to_le_bytes());
    interface.extend([0; 6]);
    option(&mut interface, OPTION_RESOLUTION, &[9]);
    option(&mut interface, 0, &[]);
    let mut out = block(0x0A0D_0D0A, &section);
    out.extend(block(1, &interface));
    out
}

/// One packet: the plain message where it is known, else the PDU as it came; the verdict as a comment.
#[must_use]
pub fn packet(row: &Row) -> Vec<u8> {
    let message = row.plain.as_deref().unwrap_or(&row.wire);
    block_of(&Packet {
        nanos: row.time,
        direction: row.direction,
        octets: message,
        len: message.len(),
        comment: &comment(row),
    })
}

/// What a packet is made of.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    /// Since 1970, in nanoseconds.
    pub nanos: u64,
    /// As the AMF sees it.
    pub direction: Direction,
    /// A NAS message, or its beginning.
    pub octets: &'a [u8],
    /// Octets of the whole message.
    pub len: usize,
    /// What is said of it.
    pub comment: &'a str,
}

/// The block of a packet.
#[must_use]
pub fn block_of(packet: &Packet<'_>) -> Vec<u8> {
    let missing = packet.len.saturating_sub(packet.octets.len());
    let mut data = Vec::new();
    for (tag, value) in [(TAG_DISSECTOR, DISSECTOR), (0, &[])] {
        data.extend(tag.to_be_bytes());
        data.extend((value.len().next_multiple_of(4) as u16).to_be_bytes());
        padded(&mut data, value);
    }
    data.extend(packet.octets);
    let mut body = Vec::new();
    body.extend(0_u32.to_le_bytes());
    body.extend(((packet.nanos >> 32) as u32).to_le_bytes());
    body.extend((packet.nanos as u32).to_le_bytes());
    body.extend((data.len() as u32).to_le_bytes());
    body.extend(((data.len() + missing) as u32).to_le_bytes());
    padded(&mut body, &data);
    // As seen from the AMF: inbound is uplink.
    let flags = match packet.direction {
        Direction::Uplink => 1_u32,
        Direction::Downlink => 2,
    };
    option(&mut body, OPTION_FLAGS, &flags.to_le_bytes());
    option(&mut body, OPTION_COMMENT, packet.comment.as_bytes());
    option(&mut body, 0, &[]);
    block(6, &body)
}

fn comment(row: &Row) -> String {
    let mut out = format!("frame {}, {}", row.frame, row.verdict.name());
    for finding in &row.findings {
        out += &format!("; {}: {}", finding.code.name(), finding.text);
    }
    out
}

fn padded(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend(octets);
    out.resize(
        out.len() + octets.len().next_multiple_of(4) - octets.len(),
        0,
    );
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(4096)];
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    padded(out, value);
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let len = body.len() as u32 + 12;
    let mut out = Vec::with_capacity(len as usize);
    out.extend(kind.to_le_bytes());
    out.extend(len.to_le_bytes());
    out.extend(body);
    out.extend(len.to_le_bytes());
    out
}
