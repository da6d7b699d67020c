//! `naslane bench`: what a message costs here, and with `--peers` what it costs with other libraries, in one run.
//!
//! `plan` says which rows there are, `contest` plays one of them, `ours` and `peers` take part, `sessions` goes
//! through the session table, `report` prints. Every answer is checked, before the clock starts and after every round.

mod contest;
mod ours;
mod peers;
mod plan;
mod report;
mod sessions;

use indicatif::ProgressBar;

use crate::Outcome;
use crate::terminal::{bar, show};
use contest::{Contest, Fleet};
use plan::{Algorithm, Bytes, Cell, Keys, Selection, Verb};
use report::Report;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Measure other libraries beside naslane (a build with `--features peers`)
    #[arg(long)]
    peers: bool,
    /// A few rows and rounds: numbers within seconds, less steady
    #[arg(long)]
    quick: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Rounds of each row; minimum and median are of these [default: 100, with --quick 7]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rounds: Option<u32>,
    /// Only this work
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WORK,...")]
    work: Vec<Verb>,
    /// Only these algorithms
    #[arg(long, value_enum, value_delimiter = ',', value_name = "ALGORITHM,...")]
    algorithm: Vec<Algorithm>,
    /// Only these sizes of the plain message: octets, or `mix` for 24 to 160 in any order
    #[arg(long, value_delimiter = ',', value_name = "BYTES,...")]
    bytes: Vec<Bytes>,
    /// Only these numbers of messages in a call
    #[arg(long, value_delimiter = ',', value_name = "N,...", value_parser = plan::batch)]
    batch: Vec<usize>,
    /// Only with key schedules kept, or only with a key expanded for every message
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KEYS,...")]
    keys: Vec<Keys>,
    /// Everyone as on a Cascade Lake: no GFNI, VAES, VPCLMULQDQ, VBMI and SHA extensions
    ///
    /// naslane is restricted by NASLANE_CPU_DENY, OpenSSL by OPENSSL_ia32cap (both set by starting the program again),
    /// ipsec-mb by the flags of its manager. The others find out by themselves what the processor has and cannot be told
    /// otherwise: RustCrypto may use VAES, and like oxirush-security the SHA extensions.
    #[arg(long)]
    like_cascade_lake: bool,
}

/// Rounds of each row.
const ROUNDS: u32 = 100;
const QUICK_ROUNDS: u32 = 7;

pub(crate) fn run(args: &Args) -> Outcome {
    if args.peers && !peers::BUILT {
        return Err(
            "bench: this program was built without the peers; build it with: cargo build --release --features peers"
                .to_owned(),
        );
    }
    if args.like_cascade_lake {
        restrict()?;
    }
    let rounds = args
        .rounds
        .unwrap_or(if args.quick { QUICK_ROUNDS } else { ROUNDS }) as usize;
    let selection = Selection::new(args);
    let mut report = Report::new(args, rounds);
    let fail = |why: String| format!("bench: {why}");
    cells(&selection.cells(), (args, rounds), &mut report).map_err(fail)?;
    sessions::measure(&selection.sessions(), rounds, &mut report).map_err(fail)?;
    if report.is_empty() {
        return Err("bench: no row is left; ask for fewer restrictions".to_owned());
    }
    show(&if args.json {
        report.json()
    } else {
        report.text()
    })?;
    Ok(true)
}

fn cells(
    cells: &[Cell],
    (args, rounds): (&Args, usize),
    report: &mut Report,
) -> Result<(), String> {
    if cells.is_empty() {
        return Ok(());
    }
    let fleet = Fleet::new();
    let bar: ProgressBar = bar(cells.len());
    for cell in cells {
        bar.set_message(cell.to_string());
        let mut contest = Contest::new(cell, &fleet);
        let task = contest.task(args.like_cascade_lake);
        contest.join(ours::contestant(&task, &fleet));
        if args.peers {
            for peer in peers::contestants(&task, &fleet) {
                contest.join(peer);
            }
        }
        report.add(*cell, contest.play(rounds)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// What a Cascade Lake lacks: the names that naslane knows, and OPENSSL_ia32cap for CPUID 7 (EBX: IFMA, SHA; ECX:
/// VBMI, GFNI, VAES, VPCLMULQDQ).
const LACKS: [&str; 5] = ["gfni", "vaes", "vpclmulqdq", "avx512vbmi", "sha"];
const OPENSSL_LACKS: &str = ":~0x70220200000";

/// Features are looked up once, some of them before `main`: the program starts again with them hidden.
fn restrict() -> Result<(), String> {
    let denied = std::env::var("NASLANE_CPU_DENY").unwrap_or_default();
    let known = |name: &&str| denied.split(',').any(|word| word.trim() == *name);
    if LACKS.iter().all(known) && std::env::var_os("OPENSSL_ia32cap").is_some() {
        return Ok(());
    }
    let denied: Vec<&str> = LACKS
        .into_iter()
        .chain(denied.split(','))
        .filter(|name| !name.is_empty())
        .collect();
    let program =
        std::env::current_exe().map_err(|why| format!("bench: where the program lies: {why}"))?;
    let mut again = std::process::Command::new(program);
    again
        .args(std::env::args_os().skip(1))
        .env("NASLANE_CPU_DENY", denied.join(","))
        .env("OPENSSL_ia32cap", OPENSSL_LACKS);
    let status = again
        .status()
        .map_err(|why| format!("bench: cannot start again: {why}"))?;
    std::process::exit(status.code().unwrap_or(2));
}
