//! What is to be run: the arguments, checked.

use std::time::Duration;

use naslane::algorithm::{Nea, Nia};
use naslane::security::Algorithms;

use super::Args;

/// The mix of a network in its change from old to new algorithms.
pub(super) const DEFAULT_MIX: &str = "2/2=70,1/1=20,3/3=10";

/// UEs that one thread has under way at a time. At most 640 octets for each half, so that a thread's sessions take
/// 5 MiB: more than a second level cache, as in an AMF.
const WINDOW: usize = 4096;

/// One pair of algorithms and its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) algorithms: Algorithms,
    pub(super) percent: u32,
}

impl Share {
    pub(super) fn name(&self) -> String {
        format!(
            "{}/{}",
            self.algorithms.nea.name(),
            self.algorithms.nia.name()
        )
    }
}

/// A run.
pub(super) struct Plan {
    pub(super) ues: u64,
    pub(super) mix: Vec<Share>,
    pub(super) batch: usize,
    pub(super) threads: usize,
    pub(super) window: usize,
    pub(super) time: Option<Duration>,
    /// Messages lost on the air, of a million.
    pub(super) loss: usize,
    pub(super) hostile: bool,
    pub(super) seed: u64,
    pub(super) engine: super::door::Choice,
    /// Slice authentication, if asked for.
    pub(super) slices: Option<super::slices::SlicePlan>,
}

impl Plan {
    /// Checks the arguments.
    ///
    /// # Errors
    /// A sentence with the remedy.
    pub(super) fn of(args: &Args) -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = args.threads.unwrap_or(cores);
        let ues = args.ues.unwrap_or(100_000);
        within("--ues", ues, (1, 100_000_000))?;
        within("--batch", args.batch as u64, (1, 4096))?;
        within("--threads", threads as u64, (1, 255))?;
        let threads = threads.min(usize::try_from(ues).unwrap_or(usize::MAX));
        if !(0.0..=50.0).contains(&args.loss) {
            return Err(format!(
                "--loss {} is out of range; give 0 to 50 per cent",
                args.loss
            ));
        }
        if let Some(seconds) = args.seconds {
            within("--seconds", seconds, (1, 86_400))?;
        }
        let share = ues.div_ceil(threads as u64);
        Ok(Self {
            ues,
            mix: mix(args)?,
            batch: args.batch,
            threads,
            window: WINDOW.min(usize::try_from(share).unwrap_or(WINDOW)),
            time: args.seconds.map(Duration::from_secs),
            loss: (args.loss * 10_000.0).round() as usize,
            hostile: args.hostile,
            seed: args.seed.unwrap_or(1),
            engine: super::door::Choice::of(&args.engine)?,
            slices: slices(args)?,
        })
    }
}

fn slices(args: &Args) -> Result<Option<super::slices::SlicePlan>, String> {
    args.nssaa
        .as_deref()
        .map(super::slices::SlicePlan::read)
        .transpose()
}

fn within(name: &str, value: u64, (least, most): (u64, u64)) -> Result<(), String> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(format!(
            "{name} {value} is out of range; give {least} to {most}"
        ))
    }
}

fn mix(args: &Args) -> Result<Vec<Share>, String> {
    match (args.nea, args.nia, &args.mix) {
        (None, None, mix) => parse_mix(mix.as_deref().unwrap_or(DEFAULT_MIX)),
        (Some(nea), Some(nia), None) => Ok(vec![Share {
            algorithms: algorithms(nea, nia)?,
            percent: 100,
        }]),
        (_, _, Some(_)) => Err("--mix and --nea/--nia exclude each other; give one of them".into()),
        _ => Err("--nea and --nia go together; give both".into()),
    }
}

fn algorithms(nea: u8, nia: u8) -> Result<Algorithms, String> {
    let nea = Nea::from_id(nea)
        .ok_or_else(|| format!("ciphering algorithm {nea} is not built in; give 0, 1, 2 or 3"))?;
    let nia = Nia::from_id(nia)
        .filter(|nia| *nia != Nia::Nia0)
        .ok_or_else(|| format!("integrity algorithm {nia} cannot protect a UE; give 1, 2 or 3"))?;
    Ok(Algorithms { nea, nia })
}

fn parse_mix(text: &str) -> Result<Vec<Share>, String> {
    let remedy =
        || format!("--mix {text:?} cannot be read; give NEA/NIA=PERCENT,... like {DEFAULT_MIX}");
    let mut shares: Vec<Share> = Vec::new();
    for part in text.split(',') {
        let (pair, percent) = part.split_once('=').ok_or_else(remedy)?;
        let (nea, nia) = pair.split_once('/').ok_or_else(remedy)?;
        let number = |text: &str| text.trim().parse::<u8>().map_err(|_| remedy());
        let share = Share {
            algorithms: algorithms(number(nea)?, number(nia)?)?,
            percent: number(percent)?.into(),
        };
        if shares
            .iter()
            .any(|other| other.algorithms == share.algorithms)
        {
            return Err(format!("--mix names {pair} twice; add the two up"));
        }
        shares.push(share);
    }
    let sum: u32 = shares.iter().map(|share| share.percent).sum();
    if sum == 100 {
        Ok(shares)
    } else {
        Err(format!("--mix adds up to {sum} per cent; make it 100"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes() {
        let shares = parse_mix(DEFAULT_MIX).unwrap();
        assert_eq!(
            shares.iter().map(|share| share.percent).collect::<Vec<_>>(),
            [70, 20, 10]
        );
        assert_eq!(
            parse_mix(" 0/1=100").unwrap()[0].algorithms,
            algorithms(0, 1).unwrap()
        );
        for bad in [
            "",
            "2/2",
            "2=100",
            "2/2=50",
            "2/2=50,2/2=50",
            "2/0=100",
            "4/2=100",
            "2/2=x",
            "2/2=300",
        ] {
            assert!(parse_mix(bad).is_err(), "{bad}");
        }
    }
}
