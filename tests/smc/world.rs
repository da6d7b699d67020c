//! An AMF and a UE that talk to each other through real protection, with a record of every key and COUNT used.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use naslane::algorithm::{Nea, Nia};
use naslane::base::{AccessType, Direction, Error, NgKsi, Result};
use naslane::kdf::{self, AlgorithmId, KAmf};
use naslane::nas::compose::{RegistrationRequest, ServiceRequest};
use naslane::nas::{
    Guti, MessageType, MobileIdentity, STmsi, SecurityHeaderType, UeSecurityCapability,
};
use naslane::procedure::smc::{
    Action, Amf, Answer, Env, Event, InitialMessageToSend, NewKey, Outcome, Policy, Request, Sent,
    SmcSettings, Ue, UeEnv, Uplink,
};
use naslane::security::protect::{self, Form, OVERHEAD, Sealing};
use naslane::security::ue::KeyGuard;
use naslane::security::verify::{self, Checking, Expect, Octets};
use naslane::security::{
    Identity, Place, Resources, Role, Settings, SidePool, UeSecurity, Verdict,
};

pub(crate) const OUT: usize = 1024;
const IMEISV: [u8; 9] = [0x45, 0x73, 0x80, 0x61, 0x21, 0x85, 0x61, 0x51, 0xF1];

/// Remembers every K_AMF, as an engine does.
#[derive(Default)]
pub(crate) struct Guard(Mutex<HashSet<(u8, [u8; 32])>>);

impl KeyGuard for Guard {
    fn admit(&self, role: Role, k_amf: &KAmf) -> Result<()> {
        let new = self.0.lock().unwrap().insert((role as u8, *k_amf.expose()));
        if new { Ok(()) } else { Err(Error::KeyReused) }
    }

    fn withdraw(&self, role: Role, k_amf: &KAmf) {
        self.0
            .lock()
            .unwrap()
            .remove(&(role as u8, *k_amf.expose()));
    }
}

/// What a side did with a message.
#[derive(Clone, Debug)]
pub(crate) enum Got {
    Answer(Answer),
    Verdict(Verdict),
}

pub(crate) struct World {
    pub(crate) amf: UeSecurity,
    pub(crate) ue: UeSecurity,
    pub(crate) smc: Amf,
    pub(crate) half: Ue,
    pub(crate) side: [SidePool; 2],
    pub(crate) keys: Guard,
    pub(crate) security: Settings,
    pub(crate) settings: SmcSettings,
    /// What the UE sent last.
    pub(crate) cap: UeSecurityCapability,
    pub(crate) whole: Vec<u8>,
    pub(crate) mapped: Option<(KAmf, NgKsi)>,
    pub(crate) emergency: Option<KAmf>,
    pub(crate) down: VecDeque<(AccessType, Vec<u8>)>,
    pub(crate) up: VecDeque<(AccessType, Vec<u8>)>,
    /// The plain message that the AMF verified last.
    pub(crate) plain: Vec<u8>,
    used: HashSet<(Vec<u8>, u32, u8, Direction)>,
}

pub(crate) fn k_amf(name: u8) -> KAmf {
    KAmf::new([name; 32])
}

pub(crate) fn guti() -> [u8; 11] {
    Guti {
        plmn: [0x00, 0xF1, 0x10],
        amf_region: 2,
        s_tmsi: s_tmsi(),
    }
    .value()
}

fn s_tmsi() -> STmsi {
    STmsi {
        amf_set_pointer: 0x40,
        tmsi: 0xC000_0001,
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            amf: UeSecurity::new(Role::Amf),
            ue: UeSecurity::new(Role::Ue),
            smc: Amf::default(),
            half: Ue::default(),
            side: [SidePool::new(4), SidePool::new(4)],
            keys: Guard::default(),
            security: Settings::default(),
            settings: SmcSettings::new(Policy::from_ids(&[2, 1, 3, 0], &[2, 1, 3]).unwrap()),
            cap: UeSecurityCapability::from_value(&[0xF0, 0xF0]).unwrap(),
            whole: Vec::new(),
            mapped: None,
            emergency: None,
            down: VecDeque::new(),
            up: VecDeque::new(),
            plain: Vec::new(),
            used: HashSet::new(),
        }
    }

    /// Authentication at both ends.
    pub(crate) fn authenticate(&mut self, ng_ksi: NgKsi, key: u8) -> Result<()> {
        let emergency = self.emergency.is_some();
        let cap = self.cap;
        let identity = || Identity {
            k_amf: k_amf(key),
            ng_ksi,
            ue_sec_cap: cap,
            emergency,
        };
        let from = Resources {
            side: &self.side[0],
            keys: &self.keys,
            book: None,
        };
        self.amf.authenticated(identity(), from)?;
        if !emergency {
            let from = Resources {
                side: &self.side[1],
                keys: &self.keys,
                book: None,
            };
            self.ue.authenticated(identity(), from)?;
        }
        Ok(())
    }

    pub(crate) fn command(&mut self, request: &Request<'_>) -> Result<Sent> {
        let before = (self.print(Role::Amf), self.side[0].in_use());
        let mut out = [0; OUT];
        let env = Env {
            from: Resources {
                side: &self.side[0],
                keys: &self.keys,
                book: None,
            },
            security: &self.security,
            smc: &self.settings,
        };
        let sent = self.smc.command(&mut self.amf, request, &env, &mut out);
        match sent {
            Ok(sent) => self.sent_command(request.access, &sent, &out),
            Err(_) => {
                assert_eq!(
                    before,
                    (self.print(Role::Amf), self.side[0].in_use()),
                    "a refused command changed the UE"
                );
                assert_eq!(out, [0; OUT], "a refused command left octets in the output");
            }
        }
        sent
    }

    fn sent_command(&mut self, access: AccessType, sent: &Sent, out: &[u8]) {
        let place = self.smc.place().unwrap();
        self.record(Role::Amf, place, (access, sent.count.unwrap()), sent.sht);
        self.down.push_back((access, out[..sent.len].to_vec()));
    }

    pub(crate) fn event(&mut self, event: Event) -> Result<Action> {
        let mut out = [0; OUT];
        let access = self.smc.access();
        let env = Env {
            from: Resources {
                side: &self.side[0],
                keys: &self.keys,
                book: None,
            },
            security: &self.security,
            smc: &self.settings,
        };
        let action = self.smc.on(&mut self.amf, event, &env, &mut out)?;
        if let Action::Resend(sent) = &action {
            self.sent_command(access.unwrap(), sent, &out);
        }
        Ok(action)
    }

    pub(crate) fn rejected_unprotected(&mut self, cause: naslane::nas::Cause) -> Option<Outcome> {
        let env = Env {
            from: Resources {
                side: &self.side[0],
                keys: &self.keys,
                book: None,
            },
            security: &self.security,
            smc: &self.settings,
        };
        self.smc.rejected_unprotected(&mut self.amf, cause, &env)
    }

    fn with_ue<T>(&mut self, f: impl FnOnce(&mut Ue, &mut UeSecurity, &UeEnv<'_>) -> T) -> T {
        let env = UeEnv {
            from: Resources {
                side: &self.side[1],
                keys: &self.keys,
                book: None,
            },
            security: &self.security,
            ue_sec_cap: self.cap,
            imeisv: MobileIdentity::new(&IMEISV).ok(),
            whole_initial: (!self.whole.is_empty()).then_some(&self.whole[..]),
            mapped: self.mapped.as_ref().map(|(k_amf, ng_ksi)| NewKey {
                k_amf,
                ng_ksi: *ng_ksi,
                ue_sec_cap: None,
            }),
            emergency: self.emergency.as_ref(),
        };
        f(&mut self.half, &mut self.ue, &env)
    }

    /// The UE sends REGISTRATION REQUEST or SERVICE REQUEST; with a context protected, with the whole message in
    /// the container.
    pub(crate) fn send_initial(
        &mut self,
        access: AccessType,
        message: MessageType,
    ) -> Result<Sent> {
        let context = self.ue.context(self.ue.in_use(access));
        let protected = context.is_some_and(|c| c.algorithms().is_some());
        let ng_ksi = context.map_or(NgKsi::NO_KEY, |c| c.ng_ksi());
        let (cap, identity) = (self.cap, guti());
        let write = |ies: &[u8], container: Option<&[u8]>| {
            let mut out = vec![0; 512];
            let written = if message == MessageType::SERVICE_REQUEST {
                let request = ServiceRequest {
                    service_type: 1,
                    ng_ksi,
                    s_tmsi: s_tmsi(),
                    ies,
                    container,
                };
                request.encode(&mut out)
            } else {
                let ue_sec_cap = Some(cap);
                let identity = &identity[..];
                RegistrationRequest {
                    registration_type: 1,
                    ng_ksi,
                    identity,
                    ue_sec_cap,
                    ies,
                    container,
                }
                .encode(&mut out)
            };
            let (len, range) = written.unwrap();
            out.truncate(len);
            (out, range)
        };
        let ies: &[u8] = if message == MessageType::SERVICE_REQUEST {
            &[0x40, 2, 0x20, 0]
        } else {
            &[0x10, 1, 0]
        };
        self.whole = write(ies, None).0;
        let (plain, container) = write(&[], protected.then_some(&self.whole[..]));
        let mut out = [0; OUT];
        let initial = InitialMessageToSend {
            access,
            message: &plain,
            container: container.clone(),
        };
        let sent = self.with_ue(|half, ue, env| half.send_initial(ue, &initial, env, &mut out))?;
        if let Some(count) = sent.count {
            self.record(
                Role::Ue,
                self.ue.in_use(access),
                (access, count),
                SecurityHeaderType::Ciphered,
            );
        }
        self.up.push_back((access, out[..sent.len].to_vec()));
        Ok(sent)
    }

    /// An ordinary message: 5GMM STATUS.
    pub(crate) fn send(
        &mut self,
        role: Role,
        access: AccessType,
    ) -> Result<(SecurityHeaderType, u32)> {
        self.send_message(role, access, &[0x7E, 0, 0x64, 0x6F])
    }

    pub(crate) fn send_message(
        &mut self,
        role: Role,
        access: AccessType,
        message: &[u8],
    ) -> Result<(SecurityHeaderType, u32)> {
        let mut pdu = vec![0; OVERHEAD];
        pdu.extend(message);
        let security = self.security;
        let ue = if role == Role::Amf {
            &mut self.amf
        } else {
            &mut self.ue
        };
        let place = ue.in_use(access);
        let numbered = protect::number(ue, access, (message, &Form::Auto), &security)?;
        let told = (numbered.sht(), numbered.count());
        protect::seal(&mut [Sealing::new(numbered, ue, &mut pdu)?]);
        self.record(role, place, (access, told.1), told.0);
        let channel = if role == Role::Amf {
            &mut self.down
        } else {
            &mut self.up
        };
        channel.push_back((access, pdu));
        Ok(told)
    }

    pub(crate) fn amf_gets(
        &mut self,
        access: AccessType,
        pdu: &[u8],
    ) -> (Verdict, Option<Outcome>) {
        let before = self.print(Role::Amf);
        let expect = self.smc.expects(access);
        let (verdict, plain) = receive(&mut self.amf, (access, pdu, expect), &self.security);
        if verdict.result.is_err() {
            assert_eq!(
                before,
                self.print(Role::Amf),
                "a message that did not verify changed the UE"
            );
        }
        let env = Env {
            from: Resources {
                side: &self.side[0],
                keys: &self.keys,
                book: None,
            },
            security: &self.security,
            smc: &self.settings,
        };
        let uplink = Uplink {
            access,
            verdict: &verdict,
            plain: &plain,
        };
        let outcome = self.smc.uplink(&mut self.amf, &uplink, &env);
        if verdict.result.is_err() {
            assert_eq!(
                outcome, None,
                "a message that did not verify ended a procedure"
            );
        }
        self.plain = plain;
        (verdict, outcome)
    }

    pub(crate) fn ue_gets(&mut self, access: AccessType, pdu: &[u8]) -> Got {
        if pdu.get(1).is_some_and(|octet| octet & 0xF == 3) {
            let mut out = [0; OUT];
            let command = (access, pdu);
            let answer = self
                .with_ue(|half, ue, env| half.command_received(ue, command, env, &mut out))
                .unwrap();
            if let Answer::Complete(sent) | Answer::Reject(_, sent) = &answer {
                if let Some(count) = sent.count {
                    self.record(Role::Ue, self.ue.in_use(access), (access, count), sent.sht);
                }
                self.up.push_back((access, out[..sent.len].to_vec()));
            }
            return Got::Answer(answer);
        }
        let (verdict, _) = receive(&mut self.ue, (access, pdu, Expect::Any), &self.security);
        Got::Verdict(verdict)
    }

    /// Notes what a message used, and panics on the second use.
    fn record(
        &mut self,
        role: Role,
        place: Place,
        (access, count): (AccessType, u32),
        sht: SecurityHeaderType,
    ) {
        let ue = if role == Role::Amf {
            &self.amf
        } else {
            &self.ue
        };
        let context = ue
            .context(place)
            .expect("a message was protected without a context");
        let algorithms = context.algorithms().unwrap();
        if algorithms.nia == Nia::Nia0 {
            return;
        }
        let direction = role.sends();
        let int = kdf::k_nas_int(
            context.k_amf(),
            AlgorithmId::new(algorithms.nia.id()).unwrap(),
        );
        let mut keys = vec![[&[0][..], int.expose()].concat()];
        if sht.is_ciphered() && algorithms.nea != Nea::Nea0 {
            let enc = kdf::k_nas_enc(
                context.k_amf(),
                AlgorithmId::new(algorithms.nea.id()).unwrap(),
            );
            keys.push([&[1][..], enc.expose()].concat());
        }
        for key in keys {
            let new = self.used.insert((key, count, access.bearer(), direction));
            assert!(
                new,
                "key and COUNT {count} used twice by {role:?} on {access:?}"
            );
        }
    }

    /// Everything that makes up one side, as text: two equal prints are two equal states.
    pub(crate) fn print(&self, role: Role) -> String {
        let ue = if role == Role::Amf {
            &self.amf
        } else {
            &self.ue
        };
        let mut text = format!("{:?} {:?}", ue.key_change(), ue.held_message());
        for access in AccessType::ALL {
            text += &format!(" {:?} {}", ue.in_use(access), ue.secured(access));
        }
        for (place, context) in ue.contexts() {
            let key = context.k_amf().expose();
            text += &format!(
                "\n{place:?} {key:02x?} {:?} {:?}",
                context.ng_ksi(),
                context.algorithms()
            );
            text += &format!(" {:?}", context.ue_sec_cap());
            for access in AccessType::ALL {
                text += &format!(" {:?}", ue.pair(place, access));
            }
        }
        if role == Role::Amf {
            format!("{text}\n{:?}", self.smc)
        } else {
            text
        }
    }

    /// True when both sides use the same key and algorithms on this access.
    pub(crate) fn agree(&self, access: AccessType) -> bool {
        let of = |ue: &UeSecurity| {
            let context = ue.context(ue.in_use(access))?;
            Some((
                *context.k_amf().expose(),
                context.ng_ksi(),
                context.algorithms()?,
            ))
        };
        of(&self.amf).is_some() && of(&self.amf) == of(&self.ue)
    }

    /// One ordinary message each way, delivered at once: true when both verify.
    pub(crate) fn talk(&mut self, access: AccessType) -> Result<bool> {
        self.send(Role::Amf, access)?;
        let (_, pdu) = self.down.pop_back().unwrap();
        let Got::Verdict(down) = self.ue_gets(access, &pdu) else {
            return Ok(false);
        };
        self.send(Role::Ue, access)?;
        let (_, pdu) = self.up.pop_back().unwrap();
        let (up, _) = self.amf_gets(access, &pdu);
        Ok(down.result.is_ok() && up.result.is_ok())
    }
}

fn receive(
    ue: &mut UeSecurity,
    (access, pdu, expect): (AccessType, &[u8], Expect),
    settings: &Settings,
) -> (Verdict, Vec<u8>) {
    let mut out = vec![0; pdu.len()];
    let verdict = match verify::estimate(ue, access, (pdu, expect), settings) {
        Err(verdict) => verdict,
        Ok(estimated) => {
            let checking =
                Checking::new(estimated, ue, Octets::Apart { pdu, out: &mut out }).unwrap();
            let mut checked = None;
            verify::check(&mut [checking], settings, |one| checked = Some(one));
            verify::commit(ue, checked.unwrap(), settings)
        }
    };
    out.truncate(verdict.len);
    (verdict, out)
}
