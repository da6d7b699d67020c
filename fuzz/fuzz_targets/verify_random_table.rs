//! A UE, its AMF half and an attacker between them who repeats, bends, delays, drops and invents messages.
//!
//! Nothing bent or invented is ever accepted, nothing twice, a refusal leaves nothing of the message in the output,
//! and afterwards the two still talk.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use arbitrary::Arbitrary;
use common::{DOWNLINK, GPP, N3GPP, Pair, UPLINK};
use libfuzzer_sys::fuzz_target;
use naslane::base::AccessType;
use naslane::engine::{Config, Engine};
use naslane::procedure::smc::{Activation, Policy};
use naslane::session::Handle;

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Way {
    Up,
    Down,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Access {
    Gpp,
    N3gpp,
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// A message is sent and kept by the attacker.
    Send(Way, Access),
    /// A kept message arrives, for the first time or again.
    Deliver(u8),
    /// A kept message arrives with one octet changed, over any access, in any direction.
    Bend(u8, u8, u8, Way, Access),
    /// The attacker's own octets arrive.
    Invent(Vec<u8>, Way, Access),
    /// The connection goes.
    ConnectionReleased(Access),
}

#[derive(Arbitrary, Debug)]
struct Plot {
    nea: u8,
    nia: u8,
    out_of_order: u8,
    two_accesses: bool,
    steps: Vec<Step>,
}

struct Kept {
    pdu: Vec<u8>,
    way: Way,
    access: Access,
    accepted: bool,
}

struct World {
    engine: Engine,
    pair: Pair,
    kept: Vec<Kept>,
    null_ciphering: bool,
}

impl Access {
    fn access(self) -> AccessType {
        match self {
            Self::Gpp => GPP,
            Self::N3gpp => N3GPP,
        }
    }
}

impl World {
    fn new(plot: &Plot) -> Self {
        let mut config = Config::for_sessions(2);
        config.out_of_order = plot.out_of_order % 65;
        config.smc.policy =
            Policy::from_ids(&[plot.nea % 4], &[1 + plot.nia % 3]).expect("algorithms");
        let engine = Engine::new(&config).expect("an engine");
        let pair = Pair::secured(&engine, 1);
        if plot.two_accesses {
            pair.run_smc(&engine, N3GPP, Activation::Current);
        }
        Self {
            engine,
            pair,
            kept: Vec::new(),
            null_ciphering: plot.nea % 4 == 0,
        }
    }

    fn from_to(&self, way: Way) -> (Handle, Handle, &'static [u8]) {
        match way {
            Way::Up => (self.pair.ue, self.pair.amf, UPLINK),
            Way::Down => (self.pair.amf, self.pair.ue, DOWNLINK),
        }
    }

    fn send(&mut self, way: Way, access: Access) {
        let (from, _, plain) = self.from_to(way);
        let mut pdu = vec![0; plain.len() + 7];
        match self.engine.protect(from, access.access(), plain, &mut pdu) {
            Ok(_) => self.kept.push(Kept {
                pdu,
                way,
                access,
                accepted: false,
            }),
            Err(_) => assert!(pdu.iter().all(|octet| *octet == 0), "half a message"),
        }
    }

    /// Whether the receiver accepts; when it does not, nothing was written but zeros: a message that verified and
    /// whose inside is wrong is wiped.
    fn arrives(&self, pdu: &[u8], way: Way, access: Access) -> bool {
        let (_, to, plain) = self.from_to(way);
        let mut only = vec![0xEE; pdu.len()];
        let mut out = only.clone();
        let looked = self.engine.verify_only(to, access.access(), pdu, &mut only);
        let received = self.engine.verify(to, access.access(), pdu, &mut out);
        assert_eq!(
            looked.verdict.result.is_ok(),
            received.verdict.result.is_ok()
        );
        assert_eq!(only, out);
        match received.verdict.result {
            Ok(()) => assert_eq!(&out[..received.verdict.len], plain),
            Err(_) => assert!(
                out.iter().all(|octet| matches!(octet, 0xEE | 0)),
                "plaintext of a refused message"
            ),
        }
        received.verdict.result.is_ok()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Send(way, access) => self.send(*way, *access),
            Step::Deliver(which) if !self.kept.is_empty() => {
                let which = usize::from(*which) % self.kept.len();
                let kept = &self.kept[which];
                let accepted = self.arrives(&kept.pdu, kept.way, kept.access);
                assert!(!(accepted && kept.accepted), "accepted twice");
                self.kept[which].accepted |= accepted;
            }
            Step::Bend(which, place, octet, way, access) if !self.kept.is_empty() => {
                let which = usize::from(*which) % self.kept.len();
                let kept = &self.kept[which];
                let mut pdu = kept.pdu.clone();
                let place = usize::from(*place) % pdu.len();
                // The spare half octet beside the header type says nothing; everything else counts.
                if place == 1 && (pdu[1] ^ octet) & 0x0F == 0 || pdu[place] == *octet {
                    return;
                }
                pdu[place] = *octet;
                let accepted = self.arrives(&pdu, *way, *access);
                // The header type is not under the MAC, and types 1 and 2 say the same under 5G-EA0: the message
                // itself, which `arrives` compared.
                if place == 1 && octet & 0x0F == 1 && self.null_ciphering {
                    assert!(!(accepted && kept.accepted), "accepted twice");
                    self.kept[which].accepted |= accepted;
                } else {
                    assert!(!accepted, "a bent message was accepted");
                }
            }
            Step::Invent(octets, way, access) => {
                assert!(
                    !self.arrives(octets, *way, *access) || self.is_kept(octets),
                    "invented"
                );
            }
            Step::ConnectionReleased(access) => {
                for half in [self.pair.amf, self.pair.ue] {
                    self.engine
                        .connection_released(half, access.access())
                        .expect("a session");
                }
            }
            _ => {}
        }
    }

    fn is_kept(&self, octets: &[u8]) -> bool {
        self.kept.iter().any(|kept| kept.pdu == octets)
    }
}

fuzz_target!(|plot: Plot| {
    let mut world = World::new(&plot);
    for step in plot.steps.iter().take(200) {
        world.step(step);
    }
    let released = |step: &Step| matches!(step, Step::ConnectionReleased(_));
    if !plot.steps.iter().any(released) {
        world.pair.talk(&world.engine, GPP);
    }
});
