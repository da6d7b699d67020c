//! An engine in a directory, and UEs that talk with it.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use crate::base::{AccessType, Error, Result};
use crate::engine::Engine;
use crate::engine::crash::Scratch;
use crate::engine::crash::child::{capability, config, identity};
use crate::procedure::smc::{Activation, Answer, Request};
use crate::security::Role;
use crate::session::{Folder, Handle};
use crate::store::KeyRing;

use super::{DOWNLINK, GPP, OLD, UPLINK};

/// An engine in a directory, and the UEs of its sessions outside.
pub(super) struct World {
    pub(super) scratch: Scratch,
    pub(super) ring: String,
    pub(super) ues: Engine,
    pub(super) amf: Option<Engine>,
    /// AMF half and UE half.
    pub(super) pairs: Vec<(Handle, Handle)>,
    /// Their keys.
    pub(super) keys: Vec<u64>,
}

impl World {
    pub(super) fn new(name: &str, sessions: u64) -> Self {
        let mut world = Self {
            scratch: Scratch::new(name),
            ring: OLD.to_owned(),
            ues: Engine::new(&config()).unwrap(),
            amf: None,
            pairs: Vec::new(),
            keys: (1..=sessions).collect(),
        };
        world.restart();
        for key in 1..=sessions {
            let pair = world.subscriber(key);
            world.pairs.push(pair);
        }
        (0..world.pairs.len()).for_each(|at| world.talk(at, GPP).unwrap());
        world
    }

    pub(super) fn subscriber(&self, key: u64) -> (Handle, Handle) {
        let pair = (
            self.amf().establish(Role::Amf).unwrap(),
            self.ues.establish(Role::Ue).unwrap(),
        );
        self.amf().authenticated(pair.0, identity(key, 0)).unwrap();
        self.ues.authenticated(pair.1, identity(key, 0)).unwrap();
        self.procedure(pair, (GPP, Activation::Partial)).unwrap();
        pair
    }

    pub(super) fn amf(&self) -> &Engine {
        self.amf.as_ref().expect("it runs")
    }

    pub(super) fn try_open(&self) -> Result<Engine> {
        let ring = KeyRing::parse(&self.ring).unwrap();
        Engine::open(&config(), &Folder::new(&self.scratch.0, ring))
    }

    pub(super) fn stop(&mut self) {
        self.amf = None;
    }

    pub(super) fn restart(&mut self) {
        self.stop();
        self.amf = Some(self.try_open().unwrap());
    }

    pub(super) fn procedure(
        &self,
        (amf, ue): (Handle, Handle),
        (access, how): (AccessType, Activation<'_>),
    ) -> Result<()> {
        let (mut command, mut answer) = (vec![0; 512], vec![0; 512]);
        let sent = self
            .amf()
            .smc_command(amf, &Request::new(access, how), &mut command)?;
        let env = self.ues.ue_env(capability());
        let asked = (access, &command[..sent.len]);
        let Answer::Complete(sent) = self.ues.ue_command(ue, asked, &env, &mut answer)? else {
            return Err(Error::Rejected);
        };
        let mut out = vec![0; 512];
        let received = self
            .amf()
            .verify(amf, access, &answer[..sent.len], &mut out);
        received.verdict.result?;
        assert!(received.procedure.is_some());
        Ok(())
    }

    pub(super) fn talk(&self, at: usize, access: AccessType) -> Result<()> {
        let (amf, ue) = self.pairs[at];
        for (from, to, plain) in [
            ((&self.ues, ue), (self.amf(), amf), UPLINK),
            ((self.amf(), amf), (&self.ues, ue), DOWNLINK),
        ] {
            let (mut pdu, mut out) = (vec![0; 64], vec![0; 64]);
            let sent = from.0.protect(from.1, access, plain, &mut pdu)?;
            let received = to.0.verify(to.1, access, &pdu[..sent.len], &mut out);
            received.verdict.result?;
            assert_eq!(&out[..received.verdict.len], plain);
        }
        Ok(())
    }

    /// Reads, changes and writes part of a file while nobody has it.
    pub(super) fn change<const N: usize>(
        &mut self,
        file: &str,
        at: u64,
        change: impl FnOnce(&mut [u8; N]),
    ) {
        self.stop();
        let path = self.scratch.0.join(file);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        let mut octets = [0; N];
        file.read_exact_at(&mut octets, at).unwrap();
        change(&mut octets);
        file.write_all_at(&octets, at).unwrap();
    }

    pub(super) fn swap<const N: usize>(&mut self, file: &str, a: u64, b: u64) {
        let mut first = [0; N];
        self.change::<N>(file, a, |octets| first = *octets);
        self.change::<N>(file, b, |octets| std::mem::swap(octets, &mut first));
        self.change::<N>(file, a, |octets| *octets = first);
    }

    pub(super) fn slot(&self, at: usize) -> u64 {
        self.pairs[at].0.slot().into()
    }

    /// The session is refused, whatever it is asked; it can be released, and its place is used again.
    pub(super) fn is_refused(&mut self, at: usize) {
        let (amf, _) = self.pairs[at];
        for _ in 0..2 {
            assert_eq!(self.talk(at, GPP), Err(Error::RekeyRequired));
            let mut out = vec![0; 64];
            let asked = self.amf().protect(amf, GPP, DOWNLINK, &mut out);
            assert_eq!(asked, Err(Error::RekeyRequired));
            assert_eq!(out, [0; 64], "nothing is written");
            assert_eq!(self.amf().k_gnb(amf, GPP).err(), Some(Error::RekeyRequired));
        }
        let key = self.keys[at];
        let other = self.amf().establish(Role::Amf).unwrap();
        let again = self.amf().authenticated(other, identity(key, 1));
        assert_eq!(again, Err(Error::KeyReused), "its key stays known");
        self.amf().release(amf).unwrap();
        assert_eq!(self.amf().release(amf), Err(Error::Handle));
        let again = self.amf().authenticated(other, identity(key, 1));
        assert_eq!(again, Err(Error::KeyReused), "its key stays known after it");
        self.amf().release(other).unwrap();
        let pair = self.subscriber(1000 + key);
        self.pairs[at] = pair;
        self.keys[at] = 1000 + key;
        self.talk(at, GPP).unwrap();
    }
}
