//! How many workers there are, where they run and how they wait: decided once, from what was asked and what the
//! process may use.

use std::fmt;
use std::thread::available_parallelism;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::base::{Error, Result};

/// What a worker does when there is nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// Looks again at once, for ever. Least latency; takes a whole processor.
    Spin,
    /// Spins for [`super::WorkersConfig::spin`], then sleeps until it is rung.
    #[default]
    Adaptive,
    /// Sleeps at once. A wake-up costs about 10 us between two processors.
    Block,
}

/// Which processors the workers run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Cores {
    /// The last ones that the process may use, one each; unpinned when that leaves none to the clients.
    #[default]
    Auto,
    /// Wherever the system puts them.
    Unpinned,
    /// These, by the system's numbers: worker 0 on the first, and so on.
    List(Vec<usize>),
}

/// What the process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Processors of its cpuset, and of the affinity of the thread that asks.
    pub allowed: Vec<usize>,
    /// How many it may keep busy: the number of `allowed`, less when a cgroup's quota (`cpu.max`) says so.
    pub processors: usize,
}

impl Machine {
    /// This process, now.
    #[must_use]
    pub fn detect() -> Self {
        // Fails beyond 1,024 processors: nobody is pinned then.
        let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        let allowed: Vec<_> = (0..CpuSet::MAX_CPU)
            .filter(|&core| set.is_set(core))
            .collect();
        // Knows affinity and the quotas of cgroups v1 and v2.
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            allowed,
            processors,
        }
    }
}

/// What was decided. `Display` says it in one line for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One for each worker: the processor it is pinned to.
    pub cores: Vec<Option<usize>>,
    /// How the workers wait.
    pub wait: Wait,
    /// How long an adaptive one spins, and a client that waits.
    pub spin: Duration,
    /// How they would wait if the processors sufficed.
    pub asked: Wait,
    /// What the plan was made for.
    pub machine: Machine,
}

impl Plan {
    pub(super) fn new(config: &super::WorkersConfig, machine: Machine) -> Result<Self> {
        let workers = match config.workers {
            0 => machine.processors.saturating_sub(1).max(1),
            workers => workers,
        };
        if workers > 256 {
            return Err(Error::Argument);
        }
        let cores = cores(&config.cores, workers, &machine)?;
        // Two that spin on one processor cost each other 12-16 ms a message.
        let wait = match config.wait {
            _ if machine.processors == 1 => Wait::Block,
            Wait::Spin if workers >= machine.processors => Wait::Adaptive,
            asked => asked,
        };
        let spin = match wait {
            Wait::Block => Duration::ZERO,
            _ => config.spin,
        };
        Ok(Self {
            cores,
            wait,
            spin,
            asked: config.wait,
            machine,
        })
    }
}

fn cores(asked: &Cores, workers: usize, machine: &Machine) -> Result<Vec<Option<usize>>> {
    match asked {
        Cores::Unpinned => Ok(vec![None; workers]),
        Cores::Auto if machine.allowed.len() > workers => {
            let first = machine.allowed.len() - workers;
            Ok(machine.allowed[first..].iter().copied().map(Some).collect())
        }
        Cores::Auto => Ok(vec![None; workers]),
        Cores::List(list) => {
            let list = list.get(..workers).ok_or(Error::Argument)?;
            let usable = |&(place, core): &(usize, &usize)| {
                machine.allowed.contains(core) && !list[..place].contains(core)
            };
            if !list.iter().enumerate().all(|pair| usable(&pair)) {
                return Err(Error::Argument);
            }
            Ok(list.iter().copied().map(Some).collect())
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} workers on", self.cores.len())?;
        for core in &self.cores {
            match core {
                Some(core) => write!(f, " cpu {core}")?,
                None => write!(f, " any cpu")?,
            }
        }
        let Machine {
            allowed,
            processors,
        } = &self.machine;
        write!(f, "; wait: {:?}", self.wait)?;
        if self.wait == Wait::Adaptive {
            write!(f, " ({} us)", self.spin.as_micros())?;
        }
        if self.wait != self.asked {
            write!(f, ", {:?} was asked for", self.asked)?;
        }
        write!(
            f,
            "; {processors} processors usable of {} allowed",
            allowed.len()
        )
    }
}

/// Keeps the calling thread on one processor.
pub(super) fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).map_err(|_| Error::System)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::worker::WorkersConfig;

    fn machine(allowed: &[usize], processors: usize) -> Machine {
        Machine {
            allowed: allowed.to_vec(),
            processors,
        }
    }

    fn plan(workers: usize, wait: Wait, cores: Cores, machine: Machine) -> Result<Plan> {
        let config = WorkersConfig {
            workers,
            wait,
            cores,
            ..WorkersConfig::default()
        };
        Plan::new(&config, machine)
    }

    #[test]
    fn one_processor_means_no_spinning() {
        for asked in [Wait::Spin, Wait::Adaptive, Wait::Block] {
            for machine in [machine(&[3], 1), machine(&[0, 1, 2, 3], 1)] {
                let plan = plan(1, asked, Cores::Unpinned, machine).unwrap();
                assert_eq!((plan.wait, plan.spin), (Wait::Block, Duration::ZERO));
            }
        }
        let two = || machine(&[0, 1], 2);
        let wait = |workers, asked| plan(workers, asked, Cores::Auto, two()).unwrap().wait;
        assert_eq!(wait(1, Wait::Spin), Wait::Spin);
        assert_eq!(
            wait(2, Wait::Spin),
            Wait::Adaptive,
            "none left to the clients"
        );
        assert_eq!(wait(2, Wait::Block), Wait::Block);
    }

    #[test]
    fn workers_get_the_last_processors_and_leave_one() {
        let auto = |workers, machine| {
            plan(workers, Wait::Block, Cores::Auto, machine)
                .unwrap()
                .cores
        };
        let four = || machine(&[2, 3, 8, 9], 4);
        assert_eq!(auto(0, four()), [Some(3), Some(8), Some(9)]);
        assert_eq!(auto(1, four()), [Some(9)]);
        assert_eq!(auto(4, four()), [None; 4]);
        assert_eq!(auto(0, machine(&[], 1)), [None]);
    }

    #[test]
    fn a_list_names_processors_that_are_there_once() {
        let list = |workers, cores: &[usize]| {
            let machine = machine(&[2, 3, 8, 9], 4);
            plan(workers, Wait::Block, Cores::List(cores.to_vec()), machine).map(|plan| plan.cores)
        };
        assert_eq!(list(2, &[9, 2, 3]), Ok(vec![Some(9), Some(2)]));
        assert_eq!(list(2, &[9]), Err(Error::Argument));
        assert_eq!(list(2, &[9, 9]), Err(Error::Argument));
        assert_eq!(list(1, &[4]), Err(Error::Argument));
    }

    #[test]
    fn a_plan_prints_as_one_line() {
        let plan = plan(2, Wait::Spin, Cores::Auto, machine(&[0, 1], 2)).unwrap();
        assert_eq!(
            plan.to_string(),
            "2 workers on any cpu any cpu; wait: Adaptive (50 us), Spin was asked for; \
             2 processors usable of 2 allowed"
        );
    }

    #[test]
    fn this_process_has_a_processor() {
        let machine = Machine::detect();
        assert!(machine.processors >= 1 && !machine.allowed.is_empty());
    }
}
