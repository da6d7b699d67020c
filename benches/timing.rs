//! Does the time of a row tell anything about the key? Every available row, AVX-512 and GFNI too, with one fixed key in
//! all lanes or with random keys, in random order; Welch's t over both classes, also with the slow tail cut off at many
//! places. |t| grows with the root of the number of measurements when there is a difference, and stays small when there
//! is none.
//!
//! Rows of [`TABLES`] are reported, never judged: their tables fit the first cache, so that a clock sees them only when
//! others press on it; `tests/run secret_tracking` sees them every time.
//!
//! `cargo bench --bench timing` judges: it fails where |t| passes [`LEAK`] in two runs one after the other.
//! `cargo bench --bench timing -- zuc x86_avx2` measures what the words name. With `--test` it only reports, quickly.

#![allow(clippy::print_stdout)] // what it is for

#[allow(unreachable_pub)] // shared with the tests
#[path = "../tests/kernel_common/driven.rs"]
mod driven;

use std::hint::black_box;
use std::process::ExitCode;

use driven::{Driven, Raw, TABLES, every_room};
use naslane::kernel::{Backend, Lane, snow3g};

/// |t| from which a difference is taken for real. With 30 cuts and the noise of shared machines 4.5, the usual bound
/// for one test, is passed now and then by rows that have no difference; a real one passes 10 within seconds.
const LEAK: f64 = 10.0;
const LEN: usize = 64;
const MEASUREMENTS: usize = 400_000;
const CUTS: usize = 30;

/// xorshift64*: the order of the classes and the random keys.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn raw(&mut self) -> Raw {
        core::array::from_fn(|_| (self.next() >> 56) as u8)
    }
}

#[cfg(target_arch = "x86_64")]
fn ticks() -> u64 {
    // SAFETY: both instructions are part of x86-64; the fences keep the measured work between two readings.
    unsafe {
        core::arch::x86_64::_mm_lfence();
        let now = core::arch::x86_64::_rdtsc();
        core::arch::x86_64::_mm_lfence();
        now
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn ticks() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Mean and variance as they come (Welford).
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let from_mean = value - self.mean;
        self.mean += from_mean / self.count;
        self.squares += from_mean * (value - self.mean);
    }

    fn variance(&self) -> f64 {
        self.squares / (self.count - 1.0)
    }
}

/// Welch's t of the measurements not slower than `most`; 0 when too few are left.
fn welch(times: &[(bool, u64)], most: u64) -> f64 {
    let mut classes = [Moments::default(); 2];
    for &(class, time) in times.iter().filter(|(_, time)| *time <= most) {
        classes[usize::from(class)].add(time as f64);
    }
    let [fixed, random] = classes;
    if fixed.count < 100.0 || random.count < 100.0 {
        return 0.0;
    }
    let error = (fixed.variance() / fixed.count + random.variance() / random.count).sqrt();
    if error == 0.0 {
        return 0.0;
    }
    (fixed.mean - random.mean) / error
}

/// The t of largest magnitude: of all measurements, and of those below each cut.
fn worst(times: &[(bool, u64)]) -> f64 {
    let mut sorted: Vec<_> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable();
    // More cuts towards the fast end, where the noise is least.
    let cut = |i: usize| 1.0 - 0.5_f64.powf(10.0 * (i + 1) as f64 / CUTS as f64);
    let cuts = (0..CUTS).map(|i| sorted[((sorted.len() - 1) as f64 * cut(i)) as usize]);
    cuts.chain([u64::MAX])
        .map(|most| welch(times, most))
        .fold(
            0.0,
            |worst, t| if t.abs() > f64::abs(worst) { t } else { worst },
        )
}

/// Times `count` messages at a time; true stands for random keys.
fn measure<R: Driven>(row: &Backend<R>, count: usize, times: usize) -> Vec<(bool, u64)> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ ticks());
    // Alone against the most regular key there is, in a batch against any one.
    let fixed = if count == 1 { [0; 32] } else { random.raw() };
    let mut messages = vec![vec![0x42; LEN]; count];
    let mut raws = vec![fixed; count];
    let mut out = Vec::with_capacity(times);
    for _ in 0..times {
        let class = random.next() >> 63 == 1;
        // Both classes draw and store the same, so that nothing but the bytes differs.
        for raw in &mut raws {
            let drawn = random.raw();
            let keep = if class { 0xFF } else { 0 };
            *raw = core::array::from_fn(|i| drawn[i] & keep | fixed[i] & !keep);
        }
        let mut secrets: Vec<_> = raws.iter().map(|raw| R::secret(raw, LEN)).collect();
        let mut lanes = R::lanes(&mut secrets, &mut messages);
        let lanes = black_box(&mut lanes[..]);
        let start = ticks();
        match lanes {
            [lane] => (row.one)(lane),
            lanes => (row.many)(lanes),
        }
        out.push((class, ticks().wrapping_sub(start)));
    }
    out.split_off(times / 10) // warm
}

/// A row that leaks on purpose, as little as one early way out does: it must be seen, else nothing is proved.
const CONTROL: Backend<snow3g::Snow3g> = Backend {
    name: "leaks_on_purpose",
    lanes: 1,
    available: || true,
    one: leak,
    many: |lanes| lanes.iter_mut().for_each(leak),
};

fn leak(lane: &mut Lane<'_, [u8; 16]>) {
    (snow3g::portable::one)(lane);
    for _ in 0..lane.key[0] & 15 {
        black_box(lane.iv);
    }
}

struct Run {
    words: Vec<String>,
    judge: bool,
    leaks: usize,
}

impl Run {
    fn room<R: Driven>(&mut self) {
        for row in R::backends() {
            let wanted = |word: &String| word == R::NAME || word == row.name;
            if !(row.available)() {
                println!("{:<16} {:<18} not on this processor", R::NAME, row.name);
                continue;
            }
            let (named, names) = (
                self.words.iter().filter(|word| wanted(word)).count(),
                self.words.len(),
            );
            if named < names {
                continue;
            }
            for count in [1, (2 * row.lanes).max(4)] {
                let leak = self.row(row, count);
                self.leaks += usize::from(leak && !TABLES.contains(&(R::NAME, row.name)));
            }
        }
    }

    /// True when the times differ and it is time to judge.
    fn row<R: Driven>(&self, row: &Backend<R>, count: usize) -> bool {
        let times = MEASUREMENTS / if self.judge { 1 } else { 400 };
        let mut t = worst(&measure(row, count, times));
        // Noise does not come twice at the same place; a leak does.
        if self.judge && t.abs() > LEAK {
            let again = worst(&measure(row, count, 2 * times));
            t = if again.abs() < t.abs() { again } else { t };
        }
        let leak = t.abs() > LEAK;
        let verdict = match (self.judge, TABLES.contains(&(R::NAME, row.name)), leak) {
            (false, ..) => "not judged",
            (_, true, _) => "tables: not judged",
            (_, _, true) => "DIFFERENT",
            (_, _, false) => "alike",
        };
        let (room, name) = (R::NAME, row.name);
        println!("{room:<16} {name:<18} {count:>3} lanes  t {t:>8.2}  {verdict}");
        self.judge && leak
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words = arguments.iter().filter(|word| !word.starts_with('-'));
    let mut run = Run {
        words: words.cloned().collect(),
        judge: !arguments.iter().any(|word| word == "--test"),
        leaks: 0,
    };
    let sees = run.row(&CONTROL, 1);
    every_room!(|R| run.room::<R>());
    if run.judge && !sees {
        println!(
            "the row that leaks on purpose was not seen: this clock or machine proves nothing"
        );
        return ExitCode::FAILURE;
    }
    if run.judge && run.leaks > 0 {
        println!(
            "{} rows take a time that depends on the key (|t| > {LEAK})",
            run.leaks
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
