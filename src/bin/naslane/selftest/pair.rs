//! The two ends of one security context, brought to a COUNT, for vectors that must go through a session.

use naslane::algorithm::{Input, Nea, Nia};
use naslane::base::{AccessType, Direction, Error, NgKsi};
use naslane::kdf::KAmf;
use naslane::nas::{SecurityHeaderType, UeSecurityCapability};
use naslane::procedure::smc::{
    Activation, Amf, Answer, Demand, Ending, Env, Request, SmcSettings, Ue, UeEnv, Uplink,
};
use naslane::security::protect::{self, Form, OVERHEAD, Sealing};
use naslane::security::verify::{self, Checking, Expect, Octets};
use naslane::security::{
    Algorithms, Identity, KeyGuard, Place, Resources, Role, Settings, SidePool, Target, UeSecurity,
    Verdict, container,
};

use super::tally::same;

/// The keys and the inputs of a vector.
pub(super) struct Situation {
    pub(super) k_amf: [u8; 32],
    pub(super) algorithms: Algorithms,
    pub(super) input: Input,
}

/// What must come out of the session.
pub(super) struct Received<'a> {
    pub(super) plain: &'a [u8],
    pub(super) container: Option<&'a [u8]>,
}

/// Messages that the other end numbers to bring a session to a COUNT: 65536 take a few milliseconds.
const FARTHEST: u32 = 1 << 16;

/// Admits every key: each vector starts with new ends.
struct AnyKey;

impl KeyGuard for AnyKey {
    fn admit(&self, _: Role, _: &KAmf) -> naslane::base::Result<()> {
        Ok(())
    }

    fn withdraw(&self, _: Role, _: &KAmf) {}
}

struct Ends {
    sender: UeSecurity,
    receiver: UeSecurity,
    access: AccessType,
    settings: Settings,
    /// The form of the messages that advance the COUNT, and what the receiver expects.
    form: Form,
    expect: Expect,
    filler: Vec<u8>,
}

const STATUS: [u8; 4] = [0x7E, 0, 0x64, 0x6F];
const COMMAND: [u8; 8] = [0x7E, 0, 0x5D, 0, 0, 2, 0xF0, 0xF0];
const COMPLETE: [u8; 3] = [0x7E, 0, 0x5E];

impl Situation {
    /// True when a session can be brought there at moderate cost. An ordinary message never has COUNT 0, which the
    /// security mode procedure takes; NIA0 keeps no COUNT to compare.
    pub(super) fn is_reachable(&self, pdu: &[u8]) -> bool {
        let null = self.algorithms.nia == Nia::Nia0;
        match self.sht(pdu) {
            Some(sht) if sht.is_new_context() => {
                self.input.count <= FARTHEST && (!null || self.algorithms.nea == Nea::Nea0)
            }
            Some(_) => (1..=FARTHEST).contains(&self.input.count) && !null,
            None => false,
        }
    }

    fn sht(&self, pdu: &[u8]) -> Option<SecurityHeaderType> {
        pdu.get(1)
            .and_then(|&octet| SecurityHeaderType::from_octet(octet))
    }

    fn access(&self) -> Result<AccessType, String> {
        AccessType::from_id(self.input.bearer)
            .ok_or_else(|| format!("BEARER {}", self.input.bearer))
    }

    /// Both ends, at the COUNT before that of the vector.
    fn ends(&self, pdu: &[u8], side: &SidePool) -> Result<Ends, String> {
        let new = self
            .sht(pdu)
            .is_some_and(SecurityHeaderType::is_new_context);
        let ends = if new {
            self.candidates(side)
        } else {
            self.current(side)
        };
        let mut ends = ends.map_err(|error| format!("no session: {error}"))?;
        ends.advance(self.input.count)
            .map_err(|error| format!("COUNT {}: {error}", self.input.count))?;
        Ok(ends)
    }

    fn authenticated(&self, role: Role, from: Resources<'_>) -> naslane::base::Result<UeSecurity> {
        let mut ue = UeSecurity::new(role);
        let identity = Identity {
            k_amf: KAmf::new(self.k_amf),
            ng_ksi: NgKsi::native(0).ok_or(Error::NgKsi)?,
            ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0xF0])?,
            emergency: self.algorithms.nia == Nia::Nia0,
        };
        ue.authenticated(identity, from)?;
        Ok(ue)
    }

    fn roles(&self) -> (Role, Role) {
        match self.input.direction {
            Direction::Uplink => (Role::Ue, Role::Amf),
            Direction::Downlink => (Role::Amf, Role::Ue),
        }
    }

    /// Ends at which a security mode procedure is running.
    fn candidates(&self, side: &SidePool) -> naslane::base::Result<Ends> {
        let from = Resources {
            side,
            keys: &AnyKey,
            book: None,
        };
        let access = AccessType::from_id(self.input.bearer).ok_or(Error::Bearer)?;
        let make = |role| {
            let mut ue = self.authenticated(role, from)?;
            ue.make_candidate(Target::Partial(self.algorithms), access, from)?;
            Ok::<_, Error>(ue)
        };
        let (sender, receiver) = self.roles();
        let (form, expect, filler) = match self.input.direction {
            Direction::Uplink => (
                Form::Complete(Place::Candidate),
                Expect::Complete(Place::Candidate),
                COMPLETE.to_vec(),
            ),
            Direction::Downlink => (
                Form::Command(Place::Candidate),
                Expect::Command(Place::Candidate),
                COMMAND.to_vec(),
            ),
        };
        let (sender, receiver) = (make(sender)?, make(receiver)?);
        Ok(Ends {
            sender,
            receiver,
            access,
            settings: Settings::default(),
            form,
            expect,
            filler,
        })
    }

    /// Ends that use the context: the security mode procedure was run between them.
    fn current(&self, side: &SidePool) -> naslane::base::Result<Ends> {
        let from = Resources {
            side,
            keys: &AnyKey,
            book: None,
        };
        let access = AccessType::from_id(self.input.bearer).ok_or(Error::Bearer)?;
        let mut amf = self.authenticated(Role::Amf, from)?;
        let mut ue = self.authenticated(Role::Ue, from)?;
        let settings = Settings::default();
        let mut request = Request::new(access, Activation::Partial);
        request.algorithms = Some(self.algorithms);
        activate((&mut amf, &mut ue), &request, from, &settings)?;
        let (sender, receiver) = match self.input.direction {
            Direction::Uplink => (ue, amf),
            Direction::Downlink => (amf, ue),
        };
        let (form, expect, filler) = (Form::Auto, Expect::Any, STATUS.to_vec());
        Ok(Ends {
            sender,
            receiver,
            access,
            settings,
            form,
            expect,
            filler,
        })
    }
}

/// Runs the security mode procedure between two ends.
fn activate(
    (amf, ue): (&mut UeSecurity, &mut UeSecurity),
    request: &Request<'_>,
    from: Resources<'_>,
    settings: &Settings,
) -> naslane::base::Result<()> {
    let smc = SmcSettings {
        container: Demand::Optional,
        ..SmcSettings::default()
    };
    let env = Env {
        from,
        security: settings,
        smc: &smc,
    };
    let ue_env = UeEnv {
        from,
        security: settings,
        ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0xF0])?,
        imeisv: None,
        whole_initial: None,
        mapped: None,
        emergency: None,
    };
    let (mut amf_half, mut ue_half) = (Amf::default(), Ue::default());
    let (access, mut command, mut complete) = (request.access, [0; 64], [0; 64]);
    let sent = amf_half.command(amf, request, &env, &mut command)?;
    let answer =
        ue_half.command_received(ue, (access, &command[..sent.len]), &ue_env, &mut complete)?;
    let Answer::Complete(sent) = answer else {
        return Err(Error::Rejected);
    };
    let target = (access, amf_half.expects(access));
    let (verdict, plain) = receive(amf, target, &complete[..sent.len], settings)?;
    verdict.result?;
    let uplink = Uplink {
        access,
        verdict: &verdict,
        plain: &plain,
    };
    match amf_half.uplink(amf, &uplink, &env) {
        Some(outcome) if outcome.ending == Ending::Completed => Ok(()),
        _ => Err(Error::Unexpected),
    }
}

/// Verifies and commits.
fn receive(
    ue: &mut UeSecurity,
    (access, expect): (AccessType, Expect),
    pdu: &[u8],
    settings: &Settings,
) -> naslane::base::Result<(Verdict, Vec<u8>)> {
    let estimated = match verify::estimate(ue, access, (pdu, expect), settings) {
        Ok(estimated) => estimated,
        Err(verdict) => return Ok((verdict, Vec::new())),
    };
    let mut out = vec![0; pdu.len()];
    let checking = Checking::new(estimated, ue, Octets::Apart { pdu, out: &mut out })?;
    let mut checked = None;
    verify::check(&mut [checking], settings, |done| checked = Some(done));
    let verdict = verify::commit(ue, checked.ok_or(Error::Poisoned)?, settings);
    out.truncate(verdict.len);
    Ok((verdict, out))
}

impl Ends {
    /// The sender's next COUNT becomes `count`, and the receiver is not more than 200 behind.
    fn advance(&mut self, count: u32) -> naslane::base::Result<()> {
        while self.next_count() < count {
            let message = (self.filler.as_slice(), &self.form);
            let numbered = protect::number(&mut self.sender, self.access, message, &self.settings)?;
            let number = numbered.count();
            // The others are lost on the way, as messages are.
            if number + 1 == count || number % 200 == 0 {
                let mut pdu = vec![0; OVERHEAD];
                pdu.extend_from_slice(&self.filler);
                protect::seal(&mut [Sealing::new(numbered, &self.sender, &mut pdu)?]);
                let (verdict, _) = receive(
                    &mut self.receiver,
                    (self.access, self.expect),
                    &pdu,
                    &self.settings,
                )?;
                verdict.result?;
            }
        }
        Ok(())
    }

    fn place(&self) -> Place {
        match self.expect {
            Expect::Any => Place::Current,
            Expect::Complete(place) | Expect::Command(place) => place,
        }
    }

    fn next_count(&self) -> u32 {
        self.sender
            .pair(self.place(), self.access)
            .map_or(u32::MAX, |pair| pair.send.next())
    }

    fn next_min(&self) -> Option<u32> {
        self.receiver
            .pair(self.place(), self.access)
            .map(|pair| pair.receive.next_min())
    }
}

/// A session at the vector's COUNT accepts `pdu`, once.
pub(super) fn accepts(
    situation: &Situation,
    pdu: &[u8],
    expected: &Received<'_>,
) -> Result<(), String> {
    let side = SidePool::new(8);
    let mut ends = situation.ends(pdu, &side)?;
    let target = (situation.access()?, ends.expect);
    let (verdict, mut plain) = receive(&mut ends.receiver, target, pdu, &ends.settings)
        .map_err(|error| error.to_string())?;
    verdict
        .result
        .map_err(|error| format!("refused: {error}"))?;
    same("plain message", &plain, expected.plain)?;
    let count = situation.input.count;
    if verdict.count != Some(count) {
        return Err(format!("COUNT {:?} where {count} is right", verdict.count));
    }
    if let Some(container) = expected.container {
        let (range, _) =
            container::decipher_container(&mut ends.receiver, (target.0, count), &mut plain, None)
                .map_err(|error| format!("container: {error}"))?;
        same("container", &plain[range], container)?;
    }
    let (again, _) = receive(&mut ends.receiver, target, pdu, &ends.settings)
        .map_err(|error| error.to_string())?;
    let null = situation.algorithms.nia == Nia::Nia0;
    if null || again.result == Err(Error::Replay) {
        Ok(())
    } else {
        Err(format!(
            "sent again: {:?} where a replay is right",
            again.result
        ))
    }
}

/// A session at the COUNT before the vector's refuses `pdu` as one of `errors`, and stays as it was.
pub(super) fn refuses(situation: &Situation, pdu: &[u8], errors: &[Error]) -> Result<(), String> {
    let side = SidePool::new(8);
    let mut ends = situation.ends(pdu, &side)?;
    let before = ends.next_min();
    let target = (situation.access()?, ends.expect);
    let (verdict, plain) = receive(&mut ends.receiver, target, pdu, &ends.settings)
        .map_err(|error| error.to_string())?;
    match verdict.result {
        Err(error) if errors.contains(&error) && plain.is_empty() && before == ends.next_min() => {
            Ok(())
        }
        other => Err(format!(
            "{other:?} where {errors:?} and no change are right"
        )),
    }
}
