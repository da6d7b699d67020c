//! NAS keys of security mode commands, derived ahead: the commands of a batch, each of another UE, share the lanes of
//! the KDF. A command whose keys were not foreseen, or whose UE changed meanwhile, derives its own.

use arrayvec::ArrayVec;

use crate::base::Result;
use crate::kdf::{AlgorithmId, KAmf, KNasEnc, KNasInt, KNasLane, k_nas_batch};
use crate::procedure::smc::Half;
use crate::security::protect::LANES;
use crate::security::{KeyGuard, NasKeys, Role};

use super::job::{Job, SmcJob, op};
use super::{Engine, batch};

/// What one command was foreseen to derive.
struct Ready {
    k_amf: KAmf,
    nea: AlgorithmId,
    nia: AlgorithmId,
    keys: NasKeys,
}

/// What the commands of a batch were foreseen to derive: one for each job.
pub(super) struct Ahead(ArrayVec<Option<Ready>, LANES>);

impl Ahead {
    /// Nothing foreseen.
    pub(super) const fn nothing() -> Self {
        Self(ArrayVec::new_const())
    }

    /// Looks at jobs, up to a lane group of them, and derives in lanes what they will. Nothing changes in any session.
    pub(super) fn look(engine: &Engine, jobs: &[Job], arena: &[u8]) -> Self {
        type Foreseen = (KAmf, AlgorithmId, AlgorithmId);
        let foreseen = jobs
            .iter()
            .take(LANES)
            .map(|job| foresee(engine, job, arena));
        let foreseen: ArrayVec<Option<Foreseen>, LANES> = foreseen.collect();
        let lanes = foreseen.iter().flatten();
        let mut lanes: ArrayVec<KNasLane<'_>, LANES> = lanes
            .map(|(k_amf, nea, nia)| KNasLane::new(k_amf, *nea, *nia))
            .collect();
        if lanes.len() < 2 {
            return Self::nothing();
        }
        k_nas_batch(&mut lanes);
        let done: ArrayVec<(KNasEnc, KNasInt), LANES> = lanes
            .into_iter()
            .map(|lane| (lane.k_nas_enc, lane.k_nas_int))
            .collect();
        let mut done = done.into_iter();
        let ready = foreseen.into_iter().map(|foreseen| {
            let (k_amf, nea, nia) = foreseen?;
            let keys = done.next()?;
            Some(Ready {
                k_amf,
                nea,
                nia,
                keys,
            })
        });
        Self(ready.collect())
    }

    /// The keys for job `index`, behind the guard that decides whether a K_AMF may start.
    pub(super) fn of<'a>(&'a self, index: usize, guard: &'a dyn KeyGuard) -> Keys<'a> {
        let ready = self.0.get(index).and_then(Option::as_ref);
        Keys { guard, ready }
    }
}

fn foresee(engine: &Engine, job: &Job, arena: &[u8]) -> Option<(KAmf, AlgorithmId, AlgorithmId)> {
    if job.op != op::SMC_COMMAND {
        return None;
    }
    let fields = batch::check(0, job, arena.len()).ok()?;
    let request = SmcJob::read(arena.get(fields.input)?).ok()?;
    let request = request.request(fields.access).ok()?;
    // One that another thread holds is not waited for: its command derives its own keys.
    let session = engine.table.try_lock(fields.handle).ok()?;
    let Half::Amf(amf) = &session.smc else {
        return None;
    };
    let (k_amf, algorithms) = amf.foresee(&session.security, &request, &engine.smc.policy)?;
    let nea = AlgorithmId::new(algorithms.nea.id())?;
    let nia = AlgorithmId::new(algorithms.nia.id())?;
    Some((k_amf, nea, nia))
}

/// A guard that also has the keys of one command.
pub(super) struct Keys<'a> {
    guard: &'a dyn KeyGuard,
    ready: Option<&'a Ready>,
}

impl KeyGuard for Keys<'_> {
    fn admit(&self, role: Role, k_amf: &KAmf) -> Result<()> {
        self.guard.admit(role, k_amf)
    }

    fn withdraw(&self, role: Role, k_amf: &KAmf) {
        self.guard.withdraw(role, k_amf);
    }

    fn print(&self, role: Role, k_amf: &KAmf) -> u64 {
        self.guard.print(role, k_amf)
    }

    fn forsake(&self, print: u64) {
        self.guard.forsake(print);
    }

    fn derived(&self, k_amf: &KAmf, (nea, nia): (AlgorithmId, AlgorithmId)) -> Option<NasKeys> {
        let ready = self.ready?;
        // Equality of keys takes the same time wherever they differ.
        let same = ready.nea == nea && ready.nia == nia && ready.k_amf == *k_amf;
        same.then(|| ready.keys.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Error, NgKsi};
    use crate::engine::Config;
    use crate::kdf::{k_nas_enc, k_nas_int};
    use crate::nas::UeSecurityCapability;
    use crate::procedure::smc::Policy;
    use crate::security::Identity;
    use crate::session::Handle;

    fn k_amf(number: u8) -> KAmf {
        KAmf::new([number; 32])
    }

    fn engine() -> Engine {
        let mut config = Config::for_sessions(16);
        config.smc.policy = Policy::from_ids(&[1], &[3]).unwrap();
        Engine::new(&config).unwrap()
    }

    fn authenticated(engine: &Engine, number: u8) -> Handle {
        let handle = engine.establish(Role::Amf).unwrap();
        let identity = Identity {
            k_amf: k_amf(number),
            ng_ksi: NgKsi::native(0).unwrap(),
            ue_sec_cap: UeSecurityCapability::from_value(&[0xF0, 0x70]).unwrap(),
            emergency: false,
        };
        engine.authenticated(handle, identity).unwrap();
        handle
    }

    fn command(handle: Handle) -> Job {
        Job {
            op: op::SMC_COMMAND,
            access: 1,
            session: handle.bits(),
            in_len: 128,
            out_offset: 128,
            out_capacity: 400,
            ..Job::default()
        }
    }

    #[test]
    fn commands_of_a_batch_find_their_keys_and_no_other() {
        let engine = engine();
        let mut arena = vec![0; 1024];
        arena[..128].copy_from_slice(&SmcJob::default().write());
        let (first, second) = (authenticated(&engine, 1), authenticated(&engine, 2));
        let nobody = engine.establish(Role::Amf).unwrap();
        let mut jobs = [command(first), command(nobody), command(second)];
        let ids = (AlgorithmId::SNOW_3G, AlgorithmId::ZUC);
        let ahead = Ahead::look(&engine, &jobs, &arena);
        let derived = |index: usize, number: u8, ids| {
            let keys = ahead.of(index, engine.keys());
            keys.derived(&k_amf(number), ids)
        };
        for (index, number) in [(0, 1), (2, 2)] {
            let (enc, int) = derived(index, number, ids).unwrap();
            assert!(enc == k_nas_enc(&k_amf(number), ids.0));
            assert!(int == k_nas_int(&k_amf(number), ids.1));
        }
        // Another job's keys, other algorithms, a job that was not foreseen, one that is not there.
        assert!(derived(0, 2, ids).is_none());
        assert!(derived(0, 1, (ids.1, ids.0)).is_none());
        assert!(derived(1, 1, ids).is_none());
        assert!(derived(3, 1, ids).is_none());
        // The commands run with them, and a second one of the same UE is refused as ever.
        jobs[1] = jobs[0];
        engine.batch(&mut jobs, &mut arena);
        let status = jobs.map(|job| job.status);
        assert_eq!(status, [0, Error::Conflict.code(), 0]);
    }

    #[test]
    fn one_command_is_not_foreseen() {
        let engine = engine();
        let mut arena = vec![0; 1024];
        arena[..128].copy_from_slice(&SmcJob::default().write());
        let handle = authenticated(&engine, 3);
        let resend = Job {
            op: op::SMC_RESEND,
            ..command(handle)
        };
        let ahead = Ahead::look(&engine, &[command(handle), resend], &arena);
        assert!(ahead.0.is_empty());
    }
}
