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
        let foreseen = jobs.iter().take(LANES).map(|job| foresee(engine, job, arena));
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

    fn derived(&self, k_amf: &KAmf, (nea, nia): (AlgorithmId, AlgorithmId)) -> Option<NasKeys> {
        let ready = self.ready?;
        // Equality of keys takes the same time wherever they differ.
        let same = ready.nea == nea && ready.nia == nia && ready.k_amf == *k_amf;
        same.then(|| ready.keys.clone())
    }
}
