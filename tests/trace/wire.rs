//! A capture written by hand: pcap, Ethernet, IPv4, SCTP, NGAP (TS 38.413, aligned PER) for a few fixed shapes.

use std::path::Path;

pub(crate) const INITIAL: u8 = 15;
pub(crate) const DOWNLINK: u8 = 4;
pub(crate) const UPLINK: u8 = 46;
pub(crate) const RELEASE: u8 = 41;
pub(crate) const SESSION_SETUP: u8 = 29;

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Gnb,
    Amf,
}

/// The file in the making.
pub(crate) struct Wire {
    pcap: Vec<u8>,
    /// Microseconds since the capture began.
    pub(crate) now: u64,
    tsn: u32,
    /// Every NGAP PDU, in order.
    pub(crate) sent: Vec<Vec<u8>>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let mut pcap = Vec::new();
        for word in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 1 << 16, 1] {
            pcap.extend(word.to_le_bytes());
        }
        Self {
            pcap,
            now: 0,
            tsn: 1,
            sent: Vec::new(),
        }
    }

    /// One frame with these NGAP PDUs, each in a chunk of its own.
    pub(crate) fn send(&mut self, from: From, pdus: &[Vec<u8>]) {
        let mut sctp = Vec::new();
        let (source, target) = match from {
            From::Gnb => (30001_u16, 38412_u16),
            From::Amf => (38412, 30001),
        };
        sctp.extend(source.to_be_bytes());
        sctp.extend(target.to_be_bytes());
        sctp.extend(7_u32.to_be_bytes()); // verification tag
        sctp.extend([0; 4]); // checksum, which tshark does not look at
        for pdu in pdus {
            sctp.extend([0, 3]); // DATA, whole
            sctp.extend((pdu.len() as u16 + 16).to_be_bytes());
            sctp.extend(self.tsn.to_be_bytes());
            sctp.extend([0, 1, 0, 1]);
            sctp.extend(60_u32.to_be_bytes());
            sctp.extend(pdu);
            sctp.resize(sctp.len().next_multiple_of(4), 0);
            self.tsn += 1;
            self.sent.push(pdu.clone());
        }
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((sctp.len() as u16 + 20).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 132, 0, 0]);
        let (gnb, amf) = ([127, 0, 0, 1], [127, 0, 0, 5]);
        match from {
            From::Gnb => frame.extend([gnb, amf].concat()),
            From::Amf => frame.extend([amf, gnb].concat()),
        }
        frame.extend(sctp);
        self.now += 1000;
        let seconds = 1_790_000_000 + self.now / 1_000_000;
        let len = frame.len() as u32;
        for word in [seconds as u32, (self.now % 1_000_000) as u32, len, len] {
            self.pcap.extend(word.to_le_bytes());
        }
        self.pcap.extend(frame);
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now += seconds * 1_000_000;
    }

    pub(crate) fn save(&self, path: &Path) {
        std::fs::write(path, &self.pcap).unwrap();
    }
}

fn any(octets: &[u8]) -> Vec<u8> {
    let mut out = match octets.len() {
        len @ 0..128 => vec![len as u8],
        len => (0x8000 | len as u16).to_be_bytes().to_vec(),
    };
    out.extend(octets);
    out
}

/// Two bytes of a UE identity, with their length before them.
fn id(value: u16) -> Vec<u8> {
    [&[if value < 256 { 0 } else { 0x40 }][..], &short(value)].concat()
}

fn short(value: u16) -> Vec<u8> {
    match u8::try_from(value) {
        Ok(octet) => vec![octet],
        Err(_) => value.to_be_bytes().to_vec(),
    }
}

/// The AMF's identity has three bits of length, not two.
fn amf_id(value: u16) -> Vec<u8> {
    [&[if value < 256 { 0 } else { 0x20 }][..], &short(value)].concat()
}

fn pdu(kind: u8, procedure: u8, elements: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![0];
    body.extend((elements.len() as u16).to_be_bytes());
    for (id, value) in elements {
        body.extend(id.to_be_bytes());
        body.push(0);
        body.extend(any(value));
    }
    let mut out = vec![kind, procedure, 0x40];
    out.extend(any(&body));
    out
}

/// User location information of NR, or of an N3IWF with its address and port.
fn location(non_3gpp: bool) -> Vec<u8> {
    if non_3gpp {
        vec![0x80, 0x20, 0x7F, 0, 0, 1, 0x11, 0x94]
    } else {
        let mut value = vec![0x40];
        value.extend([0x99, 0xF9, 0x07, 0, 0, 0, 0, 0x10]);
        value.extend([0x99, 0xF9, 0x07, 0, 0, 1]);
        value
    }
}

/// The UE's identities at the AMF and at the gNB.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) amf: u16,
    pub(crate) ran: u16,
    pub non_3gpp: bool,
}

pub(crate) fn initial(ids: Ids, nas: &[u8]) -> Vec<u8> {
    let elements = [
        (85, id(ids.ran)),
        (38, any(nas)),
        (121, location(ids.non_3gpp)),
        (90, vec![0x18]),
    ];
    pdu(0, INITIAL, &elements)
}

pub(crate) fn uplink(ids: Ids, nas: &[u8]) -> Vec<u8> {
    let elements = [
        (10, amf_id(ids.amf)),
        (85, id(ids.ran)),
        (38, any(nas)),
        (121, location(ids.non_3gpp)),
    ];
    pdu(0, UPLINK, &elements)
}

pub(crate) fn downlink(ids: Ids, nas: &[u8]) -> Vec<u8> {
    let elements = [(10, amf_id(ids.amf)), (85, id(ids.ran)), (38, any(nas))];
    pdu(0, DOWNLINK, &elements)
}

/// A PDU SESSION RESOURCE SETUP REQUEST with a NAS PDU in each of two items.
pub(crate) fn session_setup(ids: Ids, nas: [&[u8]; 2]) -> Vec<u8> {
    let mut list = vec![1];
    for (session, nas) in (1..).zip(nas) {
        list.extend([0x40, session]);
        list.extend(any(nas));
        // S-NSSAI: no extension, SD, no further elements; SST 1 in the next eight bits; SD from the next octet on.
        list.extend([0x40, 0x20, 1, 2, 3]);
        list.extend(any(&[0xAA; 5]));
    }
    let elements = [(10, amf_id(ids.amf)), (85, id(ids.ran)), (74, list)];
    pdu(0, SESSION_SETUP, &elements)
}

pub(crate) fn release_command(ids: Ids) -> Vec<u8> {
    let mut pair = vec![if ids.amf < 256 { 0 } else { 2 }];
    pair.extend(short(ids.amf));
    pair.extend(id(ids.ran));
    pdu(0, RELEASE, &[(114, pair), (15, vec![0x05, 0x00])])
}

pub(crate) fn release_complete(ids: Ids) -> Vec<u8> {
    pdu(0x20, RELEASE, &[(10, amf_id(ids.amf)), (85, id(ids.ran))])
}
