//! One UE and the AMF that serves it, on a thread of their own: traffic, new keys, moves, replays. What they do when
//! their node falls silent stands in `find`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use naslane::base::{AccessType, Error, NgKsi};
use naslane::kdf::KAmf;
use naslane::nas::UeSecurityCapability;
use naslane::procedure::smc::Answer;
use naslane::security::{Identity, Role};
use naslane::session::Handle;

use crate::storm::random::Random;

use super::node::{Life, Line, Node, Silence, is_gone};
use super::record::{Direction, Place};
use super::schedule::NODES;
use super::shared::Shared;

pub(super) const GPP: AccessType = AccessType::ThreeGpp;
/// Uplink messages that the attacker keeps of one UE.
const RECORDED: usize = 32;
/// Commands that go out before an AMF gives a procedure up and begins anew.
const COMMANDS: u32 = 4;

/// Where a session is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub(super) life: Life,
    pub(super) handle: Handle,
}

/// Why nothing came of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The node is not there, does not answer, or has not got the session any more.
    Gone,
    /// The lease is used up, or something was lost on the way.
    Later,
    /// Only a new key helps.
    Rekey,
    /// What must not be; it was told.
    Wrong,
}

pub(super) type Result<T> = std::result::Result<T, Trouble>;

pub(super) struct Ue {
    pub(super) number: u64,
    pub(super) shared: Arc<Shared>,
    pub(super) random: Random,
    pub(super) own: Handle,
    pub(super) lines: Vec<Line>,
    pub(super) home: Option<Home>,
    /// Where it was before, as long as those nodes live.
    pub(super) former: Vec<Home>,
    /// Name of the session, with a number that grows when one has to begin anew.
    pub(super) sessions: u32,
    keys: u32,
    /// The UE's newest key, as the record numbers it.
    newest: u32,
    /// A procedure under a new key has not come to its end.
    pub(super) changing: bool,
    /// Taken over since the last message that the UE understood.
    pub(super) moved: bool,
    /// The session is being given away.
    pub(super) giving: bool,
    contents: u32,
    recorded: VecDeque<Vec<u8>>,
}

pub(super) fn capability() -> UeSecurityCapability {
    // NEA0 to 3, NIA1 to 3: octets of a constant.
    UeSecurityCapability::from_value(&[0xF0, 0x70]).unwrap_or_else(|_| unreachable!())
}

fn identity(k_amf: KAmf, ng_ksi: NgKsi) -> Identity {
    Identity {
        k_amf,
        ng_ksi,
        ue_sec_cap: capability(),
        emergency: false,
    }
}

impl Ue {
    pub(super) fn new(number: u64, shared: Arc<Shared>) -> std::result::Result<Self, String> {
        let own = shared.ues.establish(Role::Ue);
        let lines: std::io::Result<Vec<Line>> = (0..NODES).map(|_| Line::new()).collect();
        Ok(Self {
            number,
            random: Random::of(&[shared.seed, 4, number]),
            own: own.map_err(|error| error.to_string())?,
            lines: lines.map_err(|why| format!("no thread for a UE: {why}"))?,
            shared,
            home: None,
            former: Vec::new(),
            sessions: 0,
            keys: 0,
            newest: 0,
            changing: true,
            moved: false,
            giving: false,
            contents: 0,
            recorded: VecDeque::new(),
        })
    }

    /// From the first registration until the faults are over, and a last exchange then.
    pub(super) fn run(mut self) {
        while !self.shared.ends() {
            if self.home.is_none() {
                self.find();
                continue;
            }
            if let Err(trouble) = self.step() {
                self.after(trouble);
            }
            let pause = self.shared.pause.as_micros() as usize;
            let pause = Duration::from_micros(self.random.below(pause) as u64);
            std::thread::sleep(pause);
        }
        self.finish();
    }

    fn after(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Later => {}
            Trouble::Rekey => self.changing = true,
            // What went wrong is told; a new key makes it whole again, as an AMF would.
            Trouble::Wrong => self.changing = true,
            Trouble::Gone => self.find(),
        }
    }

    fn step(&mut self) -> Result<()> {
        if self.changing {
            return self.rekey();
        }
        match self.random.below(200) {
            0..110 => self.downlink(),
            110..165 => self.uplink(),
            165..185 => self.replay(),
            185..192 => self.at_former_owner(),
            192..196 if !self.shared.calm => self.rekey(),
            192..196 => self.downlink(),
            _ => self.move_on(),
        }
    }

    /// True when the radio lets a message pass.
    fn arrives(&mut self) -> bool {
        let loss = usize::from(self.shared.loss.load(Ordering::Relaxed));
        let lost = self.random.below(100) < loss && !self.shared.ends();
        self.shared.tally().lost_on_air += u64::from(lost);
        !lost
    }

    /// A call at the session's node, in that life of it.
    fn at<T: Send + 'static>(
        &self,
        home: Home,
        call: impl FnOnce(&dyn Node) -> naslane::base::Result<T> + Send + 'static,
    ) -> Result<naslane::base::Result<T>> {
        let seat = home.life.seat;
        let place = (&self.shared.seats[seat], Some(home.life.number));
        let call = move |node: &dyn Node| {
            let answer = call(node);
            if matches!(answer, Err(Error::Fenced)) {
                // All that is left of it there is its handle.
                let _ = node.release(home.handle);
            }
            answer
        };
        match self.lines[seat].call(place, self.shared.patience, call) {
            Ok((_, answer)) => Ok(answer),
            Err(silence) => {
                self.shared.tally().late += u64::from(silence == Silence::Late);
                Err(Trouble::Gone)
            }
        }
    }

    fn home(&self) -> Result<Home> {
        self.home.ok_or(Trouble::Gone)
    }

    /// What a refusal means for the session.
    fn trouble(&self, what: &str, error: Error) -> Trouble {
        match error {
            Error::LeaseExhausted => Trouble::Later,
            Error::CountExhausted | Error::RekeyRequired | Error::NoContext | Error::NotSecured => {
                Trouble::Rekey
            }
            error if is_gone(error) => Trouble::Gone,
            error => self.wrong(&format!("{what}: {error:?}")),
        }
    }

    pub(super) fn wrong(&self, what: &str) -> Trouble {
        let time = self.shared.begin.elapsed().as_secs_f64();
        let text = format!("{time:.3} UE {}: {what}", self.number);
        self.shared.tally().out_of_sync.push(text);
        Trouble::Wrong
    }

    /// Protects at a node; the record sees what it puts out, whether or not anybody still waits for it.
    fn protected(
        &self,
        home: Home,
        call: impl FnOnce(&dyn Node) -> naslane::base::Result<Vec<u8>> + Send + 'static,
    ) -> Result<naslane::base::Result<(Vec<u8>, Option<Place>)>> {
        let (shared, number) = (self.shared.clone(), self.number);
        self.at(home, move |node| {
            let pdu = call(node)?;
            let place = shared.record.sent(number, Direction::Downlink, &pdu);
            Ok((pdu, place))
        })
    }

    /// Verifies at a node; the record sees what it accepts.
    fn verified(
        &self,
        home: Home,
        pdu: Vec<u8>,
    ) -> Result<naslane::base::Result<super::node::Verified>> {
        let (shared, number) = (self.shared.clone(), self.number);
        self.at(home, move |node| {
            let verified = node.verify(home.handle, &pdu)?;
            let Life { seat, number: life } = home.life;
            let (time, handle) = (shared.begin.elapsed().as_secs_f64(), home.handle.bits());
            let whose = format!("at {time:.3} by node {seat}.{life} as {handle:x}");
            shared.record.accepted(number, &pdu, whose);
            Ok(verified)
        })
    }

    fn transport(&mut self, direction: Direction) -> Vec<u8> {
        self.contents += 1;
        // DL or UL NAS TRANSPORT with a payload of eight octets.
        let kind = match direction {
            Direction::Downlink => 0x68,
            Direction::Uplink => 0x67,
        };
        let mut plain = vec![0x7E, 0, kind, 1, 0, 8];
        plain.extend_from_slice(&(self.number as u32).to_be_bytes());
        plain.extend_from_slice(&self.contents.to_be_bytes());
        plain
    }

    /// One message to the UE.
    pub(super) fn downlink(&mut self) -> Result<()> {
        let (home, plain) = (self.home()?, self.transport(Direction::Downlink));
        let message = plain.clone();
        let answer = self.protected(home, move |node| node.protect(home.handle, &message))?;
        let (pdu, place) = answer.map_err(|error| self.trouble("downlink", error))?;
        if !self.arrives() {
            return Err(Trouble::Later);
        }
        let place = place.ok_or_else(|| self.wrong("a message under no key of this UE"))?;
        let mut out = vec![0; pdu.len()];
        let received = self.shared.ues.verify(self.own, GPP, &pdu, &mut out);
        match received.verdict.result {
            Ok(()) if out[..received.verdict.len] == plain => {
                self.shared.record.taken(self.number, place);
                self.moved = false;
                Ok(())
            }
            Ok(()) => Err(self.wrong("other content than was sent")),
            Err(_) if self.moved && place.key != self.newest => {
                self.shared.tally().behind += 1;
                Err(Trouble::Rekey)
            }
            Err(error) => Err(self.wrong(&format!("the UE refuses a message: {error:?}"))),
        }
    }

    fn next_uplink(&mut self) -> Result<(Vec<u8>, Vec<u8>)> {
        let plain = self.transport(Direction::Uplink);
        let mut pdu = vec![0; plain.len() + 7];
        let sent = self.shared.ues.protect(self.own, GPP, &plain, &mut pdu);
        sent.map_err(|error| self.wrong(&format!("the UE cannot send: {error:?}")))?;
        let record = &self.shared.record;
        record.sent(self.number, Direction::Uplink, &pdu);
        Ok((plain, pdu))
    }

    /// One message from the UE.
    pub(super) fn uplink(&mut self) -> Result<()> {
        let home = self.home()?;
        let (plain, pdu) = self.next_uplink()?;
        if !self.arrives() {
            return Err(Trouble::Later);
        }
        match self.verified(home, pdu.clone())? {
            Ok(verified) if verified.plain == plain => {
                self.recorded.push_back(pdu);
                if self.recorded.len() > RECORDED {
                    self.recorded.pop_front();
                }
                Ok(())
            }
            Ok(_) => Err(self.wrong("other content than the UE sent")),
            Err(Error::Mac) if self.moved => {
                self.shared.tally().behind += 1;
                Err(Trouble::Rekey)
            }
            Err(error) => Err(self.trouble("uplink", error)),
        }
    }

    /// An attacker sends again what was accepted before.
    pub(super) fn replay(&mut self) -> Result<()> {
        let home = self.home()?;
        let at = self.random.below(self.recorded.len());
        let Some(pdu) = self.recorded.get(at).cloned() else {
            return Ok(());
        };
        self.shared.tally().replays_tried += 1;
        // The record tells when it is accepted.
        match self.verified(home, pdu)? {
            Err(error) if is_gone(error) => Err(Trouble::Gone),
            _ => Ok(()),
        }
    }

    /// Nodes that had the session once are asked as if they still had: each COUNT that they use is their own, and what
    /// they accept nobody else accepts.
    fn at_former_owner(&mut self) -> Result<()> {
        let seats = &self.shared.seats;
        self.former
            .retain(|home| seats[home.life.seat].node().0 == home.life.number);
        let Some(former) = self.former.last().copied() else {
            return Ok(());
        };
        self.shared.tally().at_former_owners += 1;
        let plain = self.transport(Direction::Downlink);
        for _ in 0..8 {
            let message = plain.clone();
            let sent = self.protected(former, move |node| node.protect(former.handle, &message));
            if !matches!(sent, Ok(Ok(_))) {
                break;
            }
        }
        // The same message to both.
        let home = self.home()?;
        let (_, pdu) = self.next_uplink()?;
        let _ = self.verified(former, pdu.clone());
        match self.verified(home, pdu)? {
            Err(error) if is_gone(error) => Err(Trouble::Gone),
            Err(Error::CountExhausted) => Err(Trouble::Rekey),
            _ => Ok(()),
        }
    }

    /// The AMF moves the session to another node in order.
    fn move_on(&mut self) -> Result<()> {
        let home = self.home()?;
        self.giving = true;
        while !self.shared.ends() {
            if self.give(home)? {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(())
    }

    /// Asks the node to give the session away, or how far that is. True when it is over.
    pub(super) fn give(&mut self, home: Home) -> Result<bool> {
        match self.at(home, move |node| node.give(home.handle))? {
            Ok(()) => {
                self.shared.tally().moves += 1;
                // Whoever asks next may have it at once.
                self.home = None;
                self.giving = false;
                Ok(true)
            }
            // A procedure is under way: another time.
            Err(Error::Conflict) => {
                self.giving = false;
                Ok(true)
            }
            Err(error) if is_gone(error) => Err(Trouble::Gone),
            // Under way, or the store does not answer.
            Err(_) => Ok(false),
        }
    }

    fn new_key(&mut self) -> KAmf {
        let mut octets = [0; 32];
        let words = [self.shared.seed, 5, self.number, u64::from(self.keys)];
        Random::of(&words).fill(&mut octets);
        self.keys += 1;
        self.newest = self.shared.record.key(self.number, &octets);
        KAmf::new(octets)
    }

    /// The UE's side of an authentication, under the next key set identifier that it has not got in use.
    fn agree(&self, k_amf: &KAmf) -> Result<NgKsi> {
        for i in 0..7 {
            let ksi = NgKsi::native(((self.keys + i) % 7) as u8).ok_or(Trouble::Wrong)?;
            let own = identity(k_amf.clone(), ksi);
            match self.shared.ues.authenticated(self.own, own) {
                Ok(()) => return Ok(ksi),
                Err(Error::NgKsi) => {}
                Err(error) => return Err(self.wrong(&format!("the UE refuses a key: {error:?}"))),
            }
        }
        Err(self.wrong("the UE refuses every key set identifier"))
    }

    /// Native re-authentication and the security mode procedure under its K_AMF.
    pub(super) fn rekey(&mut self) -> Result<()> {
        let home = self.home()?;
        self.changing = true;
        let k_amf = self.new_key();
        let ksi = self.agree(&k_amf)?;
        let amf = identity(k_amf, ksi);
        let handed = self.at(home, move |node| {
            // Of a procedure whose end was not seen.
            node.abort(home.handle);
            node.authenticated(home.handle, amf)
        })?;
        handed.map_err(|error| match error {
            // The node has another context of this name: the next time the key has another one.
            Error::NgKsi => Trouble::Later,
            error => self.trouble("authentication", error),
        })?;
        let mut answer = self.protected(home, move |node| node.command(home.handle))?;
        for _ in 0..COMMANDS {
            let (command, place) = answer.map_err(|error| self.trouble("command", error))?;
            if self.arrives() && self.complete(home, &command, place)? {
                self.shared.tally().rekeys += 1;
                self.changing = false;
                self.moved = false;
                return Ok(());
            }
            answer = self.protected(home, move |node| node.resend(home.handle))?;
            if matches!(answer, Err(Error::Timeout)) {
                break;
            }
        }
        Err(Trouble::Later)
    }

    /// The UE answers a command. True when its answer was taken.
    fn complete(&mut self, home: Home, command: &[u8], place: Option<Place>) -> Result<bool> {
        let mut complete = vec![0; 512];
        let env = self.shared.ues.ue_env(capability());
        let answer = self
            .shared
            .ues
            .ue_command(self.own, (GPP, command), &env, &mut complete);
        let Ok(Answer::Complete(sent)) = answer else {
            return Err(self.wrong(&format!("the command is answered by {answer:?}")));
        };
        complete.truncate(sent.len);
        if let Some(place) = place {
            self.shared.record.taken(self.number, place);
        }
        let record = &self.shared.record;
        record.sent(self.number, Direction::Uplink, &complete);
        if !self.arrives() {
            return Ok(false);
        }
        match self.verified(home, complete)? {
            Ok(verified) => Ok(verified.completed),
            Err(error) => Err(self.trouble("complete", error)),
        }
    }
}
