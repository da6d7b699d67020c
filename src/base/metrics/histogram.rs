//! Histograms of whole numbers with eight buckets to an octave: 1 to 8 each have a bucket of their own, above that a
//! bucket is an eighth of its octave wide. Bounds are inclusive, as Prometheus wants them.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::add;

/// Buckets of batch sizes: up to 8192 (2^13), and more.
pub const BATCH_BUCKETS: usize = buckets(13);

/// Buckets of latency in nanoseconds: up to 68.7 s (2^36), and more.
pub const LATENCY_BUCKETS: usize = buckets(36);

const OCTAVE: u32 = 3; // log2 of the buckets to an octave

/// Buckets for numbers up to 2^`octave`, and one for more.
const fn buckets(octave: u32) -> usize {
    ((octave - OCTAVE + 1) << OCTAVE) as usize + 1
}

/// The bucket of `value`, among as many as it takes. 0 lies with 1.
#[inline]
const fn place(value: u64) -> usize {
    let below = value.saturating_sub(1);
    if below < 1 << OCTAVE {
        return below as usize;
    }
    let octave = below.ilog2() - OCTAVE;
    // Its highest four bits: 8..=15.
    let part = (below >> octave) as usize;
    ((octave as usize) << OCTAVE) + part
}

/// The largest number that lies in bucket `index`. The last bucket of a histogram holds larger numbers too.
#[must_use]
pub const fn upper_bound(index: usize) -> u64 {
    if index < 1 << OCTAVE {
        return index as u64 + 1;
    }
    let octave = (index >> OCTAVE) - 1;
    let part = (index & ((1 << OCTAVE) - 1)) as u64 + (1 << OCTAVE);
    (part + 1) << octave
}

/// The counters behind a [`Histogram`].
#[derive(Debug)]
pub(super) struct Cells<const N: usize> {
    buckets: [AtomicU64; N],
    sum: AtomicU64,
}

impl<const N: usize> Default for Cells<N> {
    fn default() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; N],
            sum: AtomicU64::new(0),
        }
    }
}

impl<const N: usize> Cells<N> {
    /// `value`, `times` times.
    #[inline]
    pub(super) fn add(&self, value: u64, times: u64) {
        add(&self.buckets[place(value).min(N - 1)], times);
        add(&self.sum, value.wrapping_mul(times));
    }

    pub(super) fn read(&self) -> Histogram<N> {
        Histogram {
            buckets: std::array::from_fn(|i| self.buckets[i].load(Relaxed)),
            sum: self.sum.load(Relaxed),
        }
    }
}

/// A histogram at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram<const N: usize> {
    /// How many numbers lie in each bucket; see [`upper_bound`]. The last one holds everything larger.
    pub buckets: [u64; N],
    /// All numbers together, modulo 2^64.
    pub sum: u64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self {
            buckets: [0; N],
            sum: 0,
        }
    }
}

impl<const N: usize> Histogram<N> {
    /// The largest number that a bucket of its own stands for: [`Histogram::quantile`] never says more.
    pub const LIMIT: u64 = upper_bound(N - 2);

    /// How many numbers there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, n| sum.wrapping_add(*n))
    }

    /// How many numbers are at most `bound`, which is an [`upper_bound`]; for another one, at most the next lower.
    #[must_use]
    pub fn at_most(&self, bound: u64) -> u64 {
        let within = |(index, _): &(usize, &u64)| upper_bound(*index) <= bound;
        let held = self.buckets[..N - 1].iter().enumerate();
        held.take_while(within).map(|(_, n)| n).sum()
    }

    /// The number below or at which a `share` (0 to 1) of all numbers lies; `None` when there are none.
    ///
    /// Never below the true quantile (the smallest number with at least that share at or below it), and above it by
    /// at most an eighth; exact up to 8 (0 is taken for 1). Numbers above [`Histogram::LIMIT`] count as that.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((share.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        let mut seen = 0_u64;
        for (index, number) in self.buckets[..N - 1].iter().enumerate() {
            seen = seen.wrapping_add(*number);
            if seen >= rank {
                return Some(upper_bound(index));
            }
        }
        Some(Self::LIMIT)
    }

    /// Adds another histogram.
    pub fn merge(&mut self, other: &Self) {
        for (to, from) in self.buckets.iter_mut().zip(&other.buckets) {
            *to = to.wrapping_add(*from);
        }
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// What came since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let restarted = self.count() < earlier.count();
        if restarted {
            return self.clone();
        }
        let buckets = std::array::from_fn(|i| self.buckets[i].saturating_sub(earlier.buckets[i]));
        Self {
            buckets,
            sum: self.sum.wrapping_sub(earlier.sum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_meet_without_gap_or_overlap() {
        let mut last = 0;
        for index in 0..LATENCY_BUCKETS - 1 {
            let upper = upper_bound(index);
            assert_eq!(place(last + 1), index, "first of bucket {index}");
            assert_eq!(place(upper), index, "last of bucket {index}");
            assert!(index < 8 || (upper - last - 1) * 8 <= last + 1, "{index}");
            last = upper;
        }
        assert_eq!(last, 1 << 36);
        assert_eq!(Histogram::<LATENCY_BUCKETS>::LIMIT, 1 << 36);
        assert_eq!(Histogram::<BATCH_BUCKETS>::LIMIT, 1 << 13);
        assert_eq!(place(0), 0);
        assert!(place(u64::MAX) > LATENCY_BUCKETS);
    }

    #[test]
    fn powers_of_two_and_their_halves_are_bounds() {
        for power in 3..36 {
            let power = 1_u64 << power;
            for bound in [power, power + power / 2] {
                assert_eq!(upper_bound(place(bound)), bound);
            }
        }
    }

    #[test]
    fn empty_and_overflowing() {
        let cells = Cells::<BATCH_BUCKETS>::default();
        assert_eq!(cells.read().quantile(0.5), None);
        cells.add(u64::MAX, 3);
        let read = cells.read();
        assert_eq!(read.quantile(0.5), Some(1 << 13));
        assert_eq!((read.count(), read.at_most(1 << 13)), (3, 0));
    }

    /// Numbers of every size up to the limit.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let number = (0_u32..=36, any::<u64>()).prop_map(|(bits, n)| n & ((1 << bits) - 1));
        proptest::collection::vec(number, 1..400)
    }

    proptest! {
        #[test]
        fn quantiles_are_within_an_eighth(mut numbers in numbers(), share in 0.0_f64..=1.0) {
            let cells = Cells::<LATENCY_BUCKETS>::default();
            numbers.iter().for_each(|n| cells.add(*n, 1));
            let read = cells.read();
            numbers.sort_unstable();
            let rank = ((share * numbers.len() as f64).ceil() as usize).clamp(1, numbers.len());
            let truth = numbers[rank - 1].max(1);
            let said = read.quantile(share).expect("not empty");
            prop_assert!(said >= truth && (said - truth) * 8 <= truth, "{said} for {truth}");
            prop_assert!(truth > 8 || said == truth);
            prop_assert_eq!(read.sum, numbers.iter().sum::<u64>());
            for bound in [1, 8, 64, 1 << 20, 1 << 36] {
                let truth = numbers.iter().filter(|n| **n <= bound).count() as u64;
                prop_assert_eq!(read.at_most(bound), truth);
            }
        }

        #[test]
        fn merge_and_since_undo_each_other(before in numbers(), after in numbers()) {
            let cells = Cells::<LATENCY_BUCKETS>::default();
            before.iter().for_each(|n| cells.add(*n, 1));
            let earlier = cells.read();
            after.iter().for_each(|n| cells.add(*n, 2));
            let later = cells.read();
            let mut difference = later.since(&earlier);
            prop_assert_eq!(difference.count(), 2 * after.len() as u64);
            difference.merge(&earlier);
            prop_assert_eq!(difference, later);
        }
    }
}
