//! Follows UEs through a capture: connections, identities, contexts. No file, no clock: time comes with the packets.

use std::collections::{HashMap, VecDeque};

use super::finding::Finding;
use super::keys::Entry;
use super::ngap::{self, Kind, Ngap, procedure};
use super::row::Row;
use super::trial::Subject;
use super::ue::{Command, Ue};
use crate::base::AccessType;

/// UEs remembered at a time; the one known longest is forgotten for the next.
const UES: usize = 65_536;
/// Temporary identities remembered for each of these UEs, on average.
const NAMES: usize = 4 * UES;
/// MACs for the whole capture that are computed in search of causes: some ten seconds.
const BUDGET: u64 = 20_000_000;

/// One NGAP PDU and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Frame number.
    pub frame: u64,
    /// Nanoseconds since 1970.
    pub time: u64,
    /// Number of the SCTP association, any unique one.
    pub association: u32,
    /// Number of the AMF's end of it: AMF UE NGAP IDs are unique there.
    pub amf: u32,
    /// The PDU.
    pub ngap: &'a [u8],
}

/// Something to tell.
#[derive(Clone, Debug)]
pub enum Event {
    /// A NAS PDU.
    Row(Row),
    /// A fault that shows only later.
    Late {
        /// The UE.
        ue: usize,
        /// The frame that it concerns.
        frame: u64,
        /// When it showed, in nanoseconds since 1970.
        time: u64,
        /// The fault.
        finding: Finding,
    },
}

/// What counts as too long, too many, or against the operator's policy.
#[derive(Clone, Debug)]
pub struct Settings {
    /// T3560 in nanoseconds: no answer to a SECURITY MODE COMMAND (TS 24.501 10.2: 6 s).
    pub answer: u64,
    /// Silence after SECURITY MODE COMPLETE that is a stall, in nanoseconds.
    pub quiet: u64,
    /// Commands for one key set without a good uplink message that are no loop: one and four retransmissions.
    pub commands: u32,
    /// Protected downlink messages without an uplink one that are no storm.
    pub downlinks: u32,
    /// COUNTs left that are a warning.
    pub near_wrap: u32,
    /// The operator's integrity algorithms, best first; empty when not known.
    pub nia_order: Vec<u8>,
    /// Likewise for ciphering.
    pub nea_order: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            answer: 6_000_000_000,
            quiet: 10_000_000_000,
            commands: 5,
            downlinks: 16,
            near_wrap: 1 << 16,
            nia_order: Vec::new(),
            nea_order: Vec::new(),
        }
    }
}

/// A connection: whose it is and over which access; downlink messages do not say.
#[derive(Clone, Copy)]
struct Link {
    ue: usize,
    access: AccessType,
}

/// When silence is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Quiet {
    /// A message of this UE came.
    Spoken,
    /// Its connection is released.
    Released,
    /// The capture ended.
    End,
}

/// Follows every UE of a capture.
pub struct Follower {
    pub(super) entries: Vec<Entry>,
    pub(super) settings: Settings,
    /// Keys already seen in use; unused ones are tried first.
    pub(super) in_use: Vec<bool>,
    pub(super) first_unused: usize,
    pub(super) of_supi: HashMap<String, Vec<usize>>,
    pub(super) budget: u64,
    ues: Vec<Option<Box<Ue>>>,
    same: Vec<usize>,
    order: VecDeque<usize>,
    by_supi: HashMap<String, usize>,
    links: HashMap<(u32, u64), Link>,
    by_amf: HashMap<(u32, u64), Link>,
    names: HashMap<[u8; 7], usize>,
    now: u64,
}

impl Follower {
    /// Begins with the keys that the operator gave.
    #[must_use]
    pub fn new(mut entries: Vec<Entry>, settings: Settings) -> Self {
        let mut of_supi: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, entry) in entries.iter_mut().enumerate() {
            let k_amf = entry.root().and_then(|root| root.k_amf().cloned());
            entry.k_amf = k_amf;
            if let Some(supi) = &entry.supi {
                of_supi.entry(supi.clone()).or_default().push(place);
            }
        }
        Self {
            in_use: vec![false; entries.len()],
            first_unused: 0,
            of_supi,
            budget: BUDGET,
            entries,
            settings,
            ues: Vec::new(),
            same: Vec::new(),
            order: VecDeque::new(),
            by_supi: HashMap::new(),
            links: HashMap::new(),
            by_amf: HashMap::new(),
            names: HashMap::new(),
            now: 0,
        }
    }

    /// Takes one NGAP PDU; what there is to tell goes to `out`. False when it is no NGAP PDU.
    pub fn packet(&mut self, packet: &Packet<'_>, out: &mut Vec<Event>) -> bool {
        let Some(ngap) = ngap::read(packet.ngap) else {
            return false;
        };
        self.now = self.now.max(packet.time);
        match (ngap.procedure, ngap.kind) {
            (procedure::NG_SETUP | procedure::NG_RESET, Kind::Initiating) => {
                self.links
                    .retain(|(association, _), _| *association != packet.association);
            }
            (procedure::UE_RELEASE, Kind::Initiating) => {
                if let Some(Link { ue, .. }) = self.find(packet, &ngap) {
                    self.silence(ue, packet.time, Quiet::Released, out);
                }
            }
            (procedure::UE_RELEASE, Kind::Successful) => self.release(packet, &ngap),
            (procedure::PATH_SWITCH, Kind::Initiating)
            | (procedure::HANDOVER_RESOURCES, Kind::Successful) => self.moved(packet, &ngap),
            _ => {}
        }
        let Some(direction) = ngap.direction() else {
            return true;
        };
        let Link { ue, access } = self.connection(packet, &ngap);
        for pdu in &ngap.nas {
            let ue = self.resolve(ue);
            self.silence(ue, packet.time, Quiet::Spoken, out);
            let way = (packet, direction, access, ngap.procedure);
            let row = self.nas(ue, way, pdu);
            out.push(Event::Row(row));
        }
        true
    }

    /// The capture ended.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        for ue in 0..self.ues.len() {
            self.silence(ue, self.now, Quiet::End, out);
        }
    }

    /// The number that a UE has now: two numbers turn out to be one subscriber when keys name it.
    #[must_use]
    pub fn resolve(&self, mut ue: usize) -> usize {
        while let Some(&same) = self.same.get(ue) {
            if same == ue {
                break;
            }
            ue = same;
        }
        ue
    }

    /// Security mode procedures of a UE, oldest first; at most the last 256.
    #[must_use]
    pub fn commands(&self, ue: usize) -> &[Command] {
        self.known(ue).map_or(&[], |ue| &ue.commands)
    }

    /// The subscriber, where the keys name it.
    #[must_use]
    pub fn supi(&self, ue: usize) -> Option<&str> {
        self.known(ue)?.supi.as_deref()
    }

    fn known(&self, ue: usize) -> Option<&Ue> {
        self.ues.get(self.resolve(ue))?.as_deref()
    }

    pub(super) fn ue(&mut self, ue: usize) -> &mut Ue {
        let ue = self.resolve(ue);
        if ue >= self.ues.len() {
            self.ues.resize_with(ue + 1, || None);
        }
        self.ues[ue].get_or_insert_default()
    }

    /// The UE, and the keys beside it.
    pub(super) fn with_keys(&mut self, ue: usize) -> (&mut Ue, &[Entry]) {
        let ue = self.resolve(ue);
        (self.ues[ue].get_or_insert_default(), &self.entries)
    }

    pub(super) fn remembers(&self, ue: usize) -> bool {
        self.ues.get(ue).is_some_and(Option::is_some)
    }

    fn create(&mut self) -> usize {
        let ue = self.ues.len();
        self.ues.push(Some(Box::default()));
        self.same.push(ue);
        self.order.push_back(ue);
        if self.order.len() > UES
            && let Some(oldest) = self.order.pop_front()
        {
            self.ues[oldest] = None;
        }
        ue
    }

    /// The UE that an NGAP message names.
    fn find(&self, packet: &Packet<'_>, ngap: &Ngap<'_>) -> Option<Link> {
        let by_ran = |id| self.links.get(&(packet.association, id));
        let by_amf = |id| self.by_amf.get(&(packet.amf, id));
        let link = ngap.ran_ue.and_then(by_ran);
        let link = link.or_else(|| ngap.amf_ue.and_then(by_amf))?;
        Some(Link {
            ue: self.resolve(link.ue),
            access: ngap.access.unwrap_or(link.access),
        })
    }

    /// The UE of a message with NAS PDUs; a new one when nothing is known of it.
    fn connection(&mut self, packet: &Packet<'_>, ngap: &Ngap<'_>) -> Link {
        let initial = ngap.procedure == procedure::INITIAL_UE_MESSAGE;
        let access = ngap.access.unwrap_or(AccessType::ThreeGpp);
        let link = if initial {
            let name = ngap.nas.first().and_then(|pdu| super::rules::name(pdu));
            let named = name.and_then(|name| self.names.get(&name).copied());
            let named = named.map(|ue| self.resolve(ue));
            let named = named.filter(|ue| self.ues.get(*ue).is_some_and(Option::is_some));
            let ue = named.unwrap_or_else(|| self.create());
            // A name that nobody was given is remembered of a SERVICE REQUEST alone, which is often sent again:
            // registering UEs may all have the same one, zeros or another network's.
            let first = ngap.nas.first();
            if let Some(name) = name
                && named.is_none()
                && first.is_some_and(|pdu| super::rules::is_service_request(pdu))
            {
                self.call(ue, name);
            }
            self.ue(ue).disconnect(access);
            Link { ue, access }
        } else {
            let known = self.find(packet, ngap);
            known.unwrap_or_else(|| Link {
                ue: self.create(),
                access,
            })
        };
        self.bind(packet, ngap, link);
        link
    }

    fn bind(&mut self, packet: &Packet<'_>, ngap: &Ngap<'_>, link: Link) {
        if self.links.len() > NAMES || self.by_amf.len() > NAMES {
            self.links.clear();
            self.by_amf.clear();
        }
        if let Some(id) = ngap.ran_ue {
            self.links.insert((packet.association, id), link);
        }
        if let Some(id) = ngap.amf_ue {
            self.by_amf.insert((packet.amf, id), link);
        }
    }

    fn moved(&mut self, packet: &Packet<'_>, ngap: &Ngap<'_>) {
        let by_amf = |id| self.by_amf.get(&(packet.amf, id)).copied();
        if let Some(link) = ngap.amf_ue.and_then(by_amf) {
            self.bind(packet, ngap, link);
        }
    }

    fn release(&mut self, packet: &Packet<'_>, ngap: &Ngap<'_>) {
        let Some(Link { ue, access }) = self.find(packet, ngap) else {
            return;
        };
        self.ue(ue).disconnect(access);
        if let Some(id) = ngap.ran_ue {
            self.links.remove(&(packet.association, id));
        }
        if let Some(id) = ngap.amf_ue {
            self.by_amf.remove(&(packet.amf, id));
        }
    }

    /// A UE has this 5G-S-TMSI from now on.
    pub(super) fn call(&mut self, ue: usize, name: [u8; 7]) {
        if self.names.len() > NAMES {
            self.names.clear();
        }
        self.names.insert(name, ue);
    }

    /// The keys of `entry` fit a message of `ue`. Returns the UE's number, another one when the subscriber has one.
    pub(super) fn recognised(&mut self, ue: usize, entry: usize) -> usize {
        self.in_use[entry] = true;
        while self.in_use.get(self.first_unused) == Some(&true) {
            self.first_unused += 1;
        }
        let Some(supi) = self.entries[entry].supi.clone() else {
            return ue;
        };
        let known = self.by_supi.get(&supi).map(|known| self.resolve(*known));
        let ue = self.resolve(ue);
        match known {
            Some(known) if known != ue && self.ues[known].is_some() => {
                // The newer number stays a name of the older one.
                if let Some(mut newer) = self.ues[ue].take() {
                    if let Some(older) = self.ues[known].take() {
                        newer.inherit(*older);
                    }
                    self.ues[known] = Some(newer);
                }
                self.same[ue] = known;
                self.order.retain(|number| *number != ue);
                known
            }
            _ => {
                self.ue(ue).supi = Some(supi.clone());
                self.by_supi.insert(supi, ue);
                ue
            }
        }
    }

    fn nas(
        &mut self,
        ue: usize,
        (packet, direction, access, procedure): (
            &Packet<'_>,
            crate::base::Direction,
            AccessType,
            u8,
        ),
        pdu: &[u8],
    ) -> Row {
        use crate::nas::Pdu;
        let mut row = super::receive::blank(packet, (direction, access, procedure), pdu);
        row.ue = ue;
        match Pdu::parse(pdu) {
            Err(error) => {
                row.sht = None;
                row.verdict = super::row::Verdict::Malformed(error);
            }
            Ok(Pdu::Plain(plain)) => {
                row.message = Some(plain.message_type());
                row.plain = Some(pdu.to_vec());
                self.plain(&mut row, pdu);
            }
            Ok(Pdu::Protected(message)) => {
                let subject = Subject {
                    message,
                    direction,
                    access,
                };
                self.protected(&mut row, &subject);
            }
        }
        row
    }
}
