//! What was counted and timed.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use naslane::base::Error;

use super::attack::Kind;
use super::slices::SliceFigures;

/// Failures that are told in words; the rest is only counted.
const TOLD: usize = 10;
/// Longest time that a histogram takes: a minute.
const LONGEST: u64 = 60_000_000_000;

/// Operations of the AMF half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Authenticated,
    Command,
    Resend,
    Protect,
    Verify,
    Container,
}

impl Verb {
    pub(super) const ALL: [Self; 6] = [
        Self::Authenticated,
        Self::Command,
        Self::Resend,
        Self::Protect,
        Self::Verify,
        Self::Container,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Command => "smc_command",
            Self::Resend => "smc_resend",
            Self::Protect => "protect",
            Self::Verify => "verify",
            Self::Container => "container",
        }
    }

    /// True when a NAS message goes through the operation.
    pub(super) const fn is_message(self) -> bool {
        !matches!(self, Self::Authenticated | Self::Container)
    }
}

/// One operation.
#[derive(Clone)]
pub(super) struct VerbFigure {
    pub(super) messages: u64,
    pub(super) octets: u64,
    pub(super) calls: u64,
    pub(super) time: Duration,
    /// Nanoseconds per message.
    pub(super) per_message: Histogram<u64>,
    /// Nanoseconds that a call took: what the last message of a batch waits.
    pub(super) per_call: Histogram<u64>,
}

impl VerbFigure {
    fn new() -> Result<Self, String> {
        let histogram =
            || Histogram::new_with_bounds(1, LONGEST, 3).map_err(|error| error.to_string());
        Ok(Self {
            messages: 0,
            octets: 0,
            calls: 0,
            time: Duration::ZERO,
            per_message: histogram()?,
            per_call: histogram()?,
        })
    }

    fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.octets += other.octets;
        self.calls += other.calls;
        self.time += other.time;
        // Same bounds on both sides, so that neither can fail.
        let _ = self.per_message.add(&other.per_message);
        let _ = self.per_call.add(&other.per_call);
    }
}

/// One kind of hostile message.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) uplink: u64,
    pub(super) downlink: u64,
    pub(super) accepted: u64,
}

/// Everything that one thread, or all of them, counted.
#[derive(Clone)]
pub(super) struct Figures {
    pub(super) verbs: Vec<VerbFigure>,
    /// UEs and AMF messages of each pair of algorithms.
    pub(super) pairs: Vec<(u64, u64)>,
    /// Statuses of genuine messages at the AMF half.
    pub(super) verdicts: BTreeMap<i32, u64>,
    pub(super) registered: u64,
    pub(super) lost_messages: u64,
    pub(super) retransmissions: u64,
    pub(super) commands_timed_out: u64,
    pub(super) content_checks: u64,
    pub(super) count_checks: u64,
    pub(super) failed: u64,
    pub(super) failures: Vec<String>,
    pub(super) attacks: Vec<Tally>,
    /// Statuses of hostile messages at the AMF half.
    pub(super) refusals: BTreeMap<i32, u64>,
    pub(super) attack_time: Duration,
    /// Sessions whose state a hostile message changed.
    pub(super) disturbed: u64,
    /// What became of slices, if the run has them.
    pub(super) slices: Option<SliceFigures>,
}

impl Figures {
    pub(super) fn new(pairs: usize) -> Result<Self, String> {
        Ok(Self {
            verbs: Verb::ALL
                .iter()
                .map(|_| VerbFigure::new())
                .collect::<Result<_, _>>()?,
            pairs: vec![(0, 0); pairs],
            verdicts: BTreeMap::new(),
            registered: 0,
            lost_messages: 0,
            retransmissions: 0,
            commands_timed_out: 0,
            content_checks: 0,
            count_checks: 0,
            failed: 0,
            failures: Vec::new(),
            attacks: vec![Tally::default(); Kind::ALL.len()],
            refusals: BTreeMap::new(),
            attack_time: Duration::ZERO,
            disturbed: 0,
            slices: None,
        })
    }

    /// A call of `messages` took `time`.
    pub(super) fn took(&mut self, verb: Verb, (messages, octets): (u64, u64), time: Duration) {
        let figure = &mut self.verbs[verb as usize];
        figure.messages += messages;
        figure.octets += octets;
        figure.calls += 1;
        figure.time += time;
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(LONGEST);
        figure.per_call.saturating_record(nanoseconds);
        figure
            .per_message
            .saturating_record_n(nanoseconds / messages.max(1), messages);
    }

    /// A UE's genuine traffic failed.
    pub(super) fn failure(&mut self, what: String) {
        self.failed += 1;
        if self.failures.len() < TOLD {
            self.failures.push(what);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        for (mine, theirs) in self.verbs.iter_mut().zip(&other.verbs) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.pairs.iter_mut().zip(&other.pairs) {
            *mine = (mine.0 + theirs.0, mine.1 + theirs.1);
        }
        for (mine, theirs) in self.attacks.iter_mut().zip(&other.attacks) {
            mine.uplink += theirs.uplink;
            mine.downlink += theirs.downlink;
            mine.accepted += theirs.accepted;
        }
        for (status, count) in other.verdicts {
            *self.verdicts.entry(status).or_default() += count;
        }
        for (status, count) in other.refusals {
            *self.refusals.entry(status).or_default() += count;
        }
        self.registered += other.registered;
        self.lost_messages += other.lost_messages;
        self.retransmissions += other.retransmissions;
        self.commands_timed_out += other.commands_timed_out;
        self.content_checks += other.content_checks;
        self.count_checks += other.count_checks;
        self.failed += other.failed;
        self.attack_time += other.attack_time;
        self.disturbed += other.disturbed;
        match (&mut self.slices, other.slices) {
            (Some(mine), Some(theirs)) => mine.add(&theirs),
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
        let room = TOLD.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
    }

    /// Messages and engine time of the AMF half.
    pub(super) fn amf(&self) -> (u64, Duration) {
        let messages = Verb::ALL.iter().filter(|verb| verb.is_message());
        let messages = messages
            .map(|verb| self.verbs[*verb as usize].messages)
            .sum();
        (messages, self.verbs.iter().map(|verb| verb.time).sum())
    }

    /// Time that the AMF half would have taken with every call as long as the median one: without the calls that
    /// other programs on the machine interrupted.
    pub(super) fn median_time(&self) -> Duration {
        let nanoseconds = self
            .verbs
            .iter()
            .map(|verb| verb.per_message.value_at_quantile(0.5) * verb.messages);
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Hostile messages tried and accepted.
    pub(super) fn hostile(&self) -> (u64, u64) {
        let tried = self
            .attacks
            .iter()
            .map(|tally| tally.uplink + tally.downlink)
            .sum();
        (tried, self.attacks.iter().map(|tally| tally.accepted).sum())
    }

    /// True when all UEs came through and nothing hostile was taken.
    pub(super) fn good(&self) -> bool {
        self.failed == 0 && self.hostile().1 == 0 && self.disturbed == 0
    }
}

/// Name of a status.
pub(super) fn status_name(status: i32) -> String {
    match Error::from_code(status) {
        None if status == 0 => "OK".into(),
        None => status.to_string(),
        Some(error) => format!("{error:?}"),
    }
}
