//! One thread's share of the UEs: sessions come and go in windows, and every message is checked at the other side.

use std::fmt::Display;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use naslane::base::{AccessType, Result};
use naslane::door::Door;
use naslane::engine::Engine;
use naslane::kdf::{Abba, KAmf, KAmfLane, Supi, k_amf_batch};
use naslane::security::{Deregistration, Role};
use naslane::session::Handle;

use super::amf::{Amf, identity};
use super::attack::Heard;
use super::figures::Figures;
use super::messages::{ABBA, Message, Person};
use super::plan::Plan;
use super::random::Random;
use super::slices::Slices;

/// Pairs of UL and DL NAS TRANSPORT before the UE goes idle; one more follows.
const TRANSPORTS: u8 = 3;
/// Times that a message is sent before its UE counts as lost. At 50 % loss both ways a round fails with 3/4: none
/// of 10^9 exchanges needs so many.
const ROUNDS: usize = 200;
/// Authentications that one registration may take.
pub(super) const AUTHENTICATIONS: u64 = 64;

/// One UE and its session at the AMF.
pub(super) struct Subscriber {
    pub(super) person: Person,
    /// Index of its algorithms in the mix.
    pub(super) pair: usize,
    pub(super) amf: Handle,
    pub(super) ue: Handle,
    /// Loss on its radio link.
    radio: Random,
    /// Whoever attacks it.
    pub(super) attacker: Random,
    /// COUNT that the AMF half must use next.
    pub(super) dl_count: u32,
    pub(super) lost: bool,
    /// The whole REGISTRATION REQUEST.
    pub(super) whole: Vec<u8>,
    pub(super) heard_up: Heard,
    pub(super) heard_down: Heard,
}

/// A message under way.
pub(super) struct Item {
    pub(super) who: usize,
    pub(super) plain: Vec<u8>,
    pub(super) container: Option<Range<usize>>,
    pub(super) pdu: Vec<u8>,
    pub(super) count: u32,
}

/// One thread.
pub(super) struct Lane<'e> {
    /// The UE halves.
    pub(super) ues: &'e Engine,
    pub(super) plan: &'e Plan,
    pub(super) amf: Amf<'e>,
    pub(super) people: Vec<Subscriber>,
    done: &'e AtomicU64,
    slices: Option<Slices<'e>>,
}

/// The access that all UEs use.
pub(super) const ACCESS: AccessType = AccessType::ThreeGpp;

impl<'e> Lane<'e> {
    pub(super) fn new(
        (door, ues): (&'e Door, &'e Engine),
        plan: &'e Plan,
        done: &'e AtomicU64,
    ) -> std::result::Result<Self, String> {
        let figures = Figures::new(plan.mix.len())?;
        let slices = plan.slices.as_ref();
        let slices = slices.map(|slices| Slices::new((door, ues), slices));
        Ok(Self {
            ues,
            plan,
            amf: Amf::new(door, plan.batch, figures),
            people: Vec::with_capacity(plan.window),
            done,
            slices: slices.transpose()?,
        })
    }

    /// All UEs of this range once; with a time, again and again under fresh keys until `expired`.
    pub(super) fn run(&mut self, numbers: Range<u64>, expired: &dyn Fn() -> bool) {
        for cycle in 0.. {
            let mut start = numbers.start;
            while start < numbers.end {
                let end = numbers.end.min(start + self.plan.window as u64);
                self.window(start..end, cycle);
                if expired() {
                    return;
                }
                start = end;
            }
            if self.plan.time.is_none() {
                return;
            }
        }
    }

    fn window(&mut self, numbers: Range<u64>, cycle: u64) {
        for number in numbers {
            match self.admit(number, cycle) {
                Ok(subscriber) => self.people.push(subscriber),
                Err(error) => self
                    .amf
                    .figures
                    .failure(format!("UE {number}: no session: {error}")),
            }
        }
        self.register();
        self.amf_asks(Message::RegistrationAccept, Message::RegistrationComplete);
        self.authenticate_slices();
        for index in 0..TRANSPORTS {
            self.ue_asks(Message::UlTransport(index), Message::DlTransport(index));
        }
        self.idle();
        self.ue_asks(Message::ServiceRequest, Message::ServiceAccept);
        self.ue_asks(
            Message::UlTransport(TRANSPORTS),
            Message::DlTransport(TRANSPORTS),
        );
        self.ue_asks(
            Message::DeregistrationRequest,
            Message::DeregistrationAccept,
        );
        self.dismiss();
    }

    /// Network slice-specific authentication of the window, if the run has it.
    fn authenticate_slices(&mut self) {
        if let Some(mut slices) = self.slices.take() {
            slices.run(self);
            self.amf.figures.slices = Some(slices.figures.clone());
            self.slices = Some(slices);
        }
    }

    fn admit(&self, number: u64, cycle: u64) -> Result<Subscriber> {
        let seed = self.plan.seed;
        let round = cycle * AUTHENTICATIONS;
        let person = Person {
            seed,
            number,
            round,
            ksi: 0,
        };
        let mut whole = vec![0; 128];
        let len = person.whole_request(&mut whole)?;
        whole.truncate(len);
        Ok(Subscriber {
            person,
            pair: self.pair(number),
            amf: self.amf.establish()?,
            ue: self.ues.establish(Role::Ue)?,
            radio: Random::of(&[seed, number, round, 1 << 40]),
            attacker: Random::of(&[seed, number, round, 2 << 40]),
            dl_count: 0,
            lost: false,
            whole,
            heard_up: Heard::default(),
            heard_down: Heard::default(),
        })
    }

    /// Which algorithms the UE gets: by its number, so that every run has the same.
    fn pair(&self, number: u64) -> usize {
        let mut at = Random::of(&[self.plan.seed, number, 3 << 40]).below(100) as u32;
        for (index, share) in self.plan.mix.iter().enumerate() {
            if at < share.percent {
                return index;
            }
            at -= share.percent;
        }
        0
    }

    /// The UEs that are not lost.
    pub(super) fn live(&self) -> Vec<usize> {
        (0..self.people.len())
            .filter(|who| !self.people[*who].lost)
            .collect()
    }

    /// The UE's genuine traffic failed: it is out.
    pub(super) fn lose(&mut self, who: usize, what: impl Display) {
        let subscriber = &mut self.people[who];
        if !subscriber.lost {
            subscriber.lost = true;
            let text = format!("UE {}: {what}", subscriber.person.number);
            self.amf.figures.failure(text);
        }
    }

    /// Whether a message of or to this UE comes through the air.
    pub(super) fn arrives(&mut self, who: usize) -> bool {
        let lost = self.plan.loss > 0 && self.people[who].radio.below(1_000_000) < self.plan.loss;
        self.amf.figures.lost_messages += u64::from(lost);
        !lost
    }

    /// K_AMF of these UEs, at both sides.
    pub(super) fn authenticate(&mut self, who: &[usize]) {
        for chunk in who.chunks(self.plan.batch) {
            let people: Vec<Person> = chunk.iter().map(|who| self.people[*who].person).collect();
            let Ok(keys) = derive(&people) else {
                chunk
                    .iter()
                    .for_each(|who| self.lose(*who, "K_AMF cannot be derived"));
                continue;
            };
            for (who, k_amf) in chunk.iter().zip(keys) {
                if let Err(error) = self.hand_over(*who, &k_amf) {
                    self.lose(*who, format_args!("K_AMF was not taken: {error}"));
                }
            }
        }
    }

    fn hand_over(&mut self, who: usize, k_amf: &KAmf) -> Result<()> {
        let subscriber = &mut self.people[who];
        let ng_ksi = subscriber.person.ng_ksi();
        subscriber.dl_count = 0;
        let (amf, ue) = (subscriber.amf, subscriber.ue);
        self.amf.authenticated(amf, identity(k_amf, ng_ksi)?)?;
        self.ues.authenticated(ue, identity(k_amf, ng_ksi)?)
    }

    fn amf_asks(&mut self, ask: Message, answer: Message) {
        self.exchange(ask, |lane, chunk| {
            let reached = lane.downlink(chunk, ask);
            lane.uplink(&reached, answer)
        });
    }

    fn ue_asks(&mut self, ask: Message, answer: Message) {
        self.exchange(ask, |lane, chunk| {
            let reached = lane.uplink(chunk, ask);
            lane.downlink(&reached, answer)
        });
    }

    /// Sends until everybody has the answer.
    fn exchange(&mut self, ask: Message, once: impl Fn(&mut Self, &[usize]) -> Vec<usize>) {
        let mut waiting = self.live();
        for round in 0..ROUNDS {
            if waiting.is_empty() {
                return;
            }
            if round > 0 {
                self.amf.figures.retransmissions += waiting.len() as u64;
            }
            let mut left: Vec<usize> = Vec::new();
            for chunk in waiting.chunks(self.plan.batch) {
                let answered = once(self, chunk);
                left.extend(
                    chunk
                        .iter()
                        .filter(|who| answered.binary_search(who).is_err()),
                );
            }
            left.retain(|who| !self.people[*who].lost);
            waiting = left;
        }
        for who in waiting {
            self.lose(who, format_args!("{ask:?} stays without an answer"));
        }
    }

    /// The N1 connections are released; the contexts stay.
    fn idle(&mut self) {
        for who in self.live() {
            let (amf, ue) = (self.people[who].amf, self.people[who].ue);
            let released = self
                .amf
                .connection_released(amf, ACCESS)
                .and_then(|()| self.ues.connection_released(ue, ACCESS));
            if let Err(error) = released {
                self.lose(who, format_args!("connection not released: {error}"));
            }
        }
    }

    fn dismiss(&mut self) {
        for who in 0..self.people.len() {
            let subscriber = &self.people[who];
            let (amf, ue, pair) = (subscriber.amf, subscriber.ue, subscriber.pair);
            let kind = Deregistration::Keep;
            let gone = self
                .amf
                .deregister(amf)
                .and_then(|()| self.ues.deregister(ue, kind))
                .and_then(|()| self.amf.release(amf))
                .and_then(|()| self.ues.release(ue));
            if let Err(error) = gone {
                self.lose(who, format_args!("not released: {error}"));
            }
            if !self.people[who].lost {
                self.amf.figures.registered += 1;
                self.amf.figures.pairs[pair].0 += 1;
            }
        }
        self.done.fetch_add(self.people.len() as u64, Relaxed);
        self.people.clear();
    }
}

/// K_SEAF to K_AMF, in lanes (TS 33.501 A.7).
fn derive(people: &[Person]) -> Result<Vec<KAmf>> {
    let names: Vec<String> = people.iter().map(Person::imsi).collect();
    let seafs: Vec<_> = people.iter().map(Person::k_seaf).collect();
    let abba = Abba::new(&ABBA)?;
    let mut lanes = Vec::with_capacity(people.len());
    for (k_seaf, name) in seafs.iter().zip(&names) {
        lanes.push(KAmfLane::new(k_seaf, Supi::parse(name)?, abba));
    }
    k_amf_batch(&mut lanes);
    Ok(lanes.into_iter().map(|lane| lane.k_amf).collect())
}
