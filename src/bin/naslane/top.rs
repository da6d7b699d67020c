//! `naslane top`: what a running sidecar does, read from its `/metrics` again and again.

mod fetch;
mod frame;
mod scrape;
mod screen;

use std::io::IsTerminal;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::terminal::show;

use fetch::Endpoint;
use frame::Frame;
use scrape::Scrape;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the sidecar's numbers are
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:9955/metrics"
    )]
    url: String,
    /// Seconds between two looks
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    interval: f64,
    /// Look twice, print the difference, end
    #[arg(long)]
    once: bool,
    /// Print JSON, one object per look
    #[arg(long)]
    json: bool,
}

/// A scrape and when it was taken.
struct Look {
    scrape: Scrape,
    at: Instant,
}

impl Look {
    fn take(endpoint: &Endpoint) -> Result<Self, String> {
        let at = Instant::now();
        let scrape = Scrape::read(&endpoint.get()?)?;
        if !scrape.is_naslane() {
            return Err(format!(
                "{endpoint} answers, but not as naslane does; give the sidecar's --url"
            ));
        }
        Ok(Self { scrape, at })
    }
}

/// Shows frames until it is interrupted, or one.
pub(crate) fn run(args: &Args) -> Outcome {
    if !(0.05..=3600.0).contains(&args.interval) {
        return Err("--interval is 0.05 to 3600 seconds".to_owned());
    }
    let interval = Duration::from_secs_f64(args.interval);
    let endpoint: Endpoint = args.url.parse()?;
    // A sidecar that never answered is a wrong address; one that did and stops answering may come back.
    let mut last = Look::take(&endpoint)?;
    loop {
        sleep(interval.saturating_sub(last.at.elapsed()));
        let next = match Look::take(&endpoint) {
            Ok(next) => next,
            Err(why) if args.once || args.json => return Err(why),
            Err(why) => {
                present(&screen::silent(&endpoint.to_string(), &why))?;
                sleep(interval);
                continue;
            }
        };
        let seconds = next.at.duration_since(last.at).as_secs_f64();
        let frame = Frame::new(&last.scrape, &next.scrape, seconds);
        if args.json {
            let line = serde_json::to_string(&frame).map_err(|error| error.to_string())?;
            show(&(line + "\n"))?;
        } else if args.once {
            show(&screen::draw(&frame, &endpoint.to_string()))?;
        } else {
            present(&screen::draw(&frame, &endpoint.to_string()))?;
        }
        if args.once {
            return Ok(true);
        }
        last = next;
    }
}

/// Puts a frame over the last one. The cursor stays visible and the screen is not switched, so that an interrupt
/// leaves nothing to clean up.
fn present(text: &str) -> Result<(), String> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return show(&format!("{text}\n"));
    }
    let rows = rustix::termios::tcgetwinsize(&out).map_or(24, |size| usize::from(size.ws_row));
    let rows = if rows == 0 { 24 } else { rows };
    let mut frame = "\x1b[H".to_owned();
    for line in text.lines().take(rows - 1) {
        // To the line's end: what the last frame had there goes.
        frame += &format!("{line}\x1b[K\n");
    }
    frame += "\x1b[J";
    show(&frame)
}
