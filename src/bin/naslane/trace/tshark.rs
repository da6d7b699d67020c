//! NGAP PDUs out of a capture, by Wireshark's `tshark`: it knows every file format, link type and how SCTP puts
//! chunks together. NGAP itself is left undissected: its octets are all that is asked for, which is faster than its
//! tree and keeps several PDUs of one frame apart.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use naslane::trace::Packet;

/// The port of NGAP (TS 38.412): the AMF's end.
const NGAP_PORT: &str = "38412";
/// tshark's number for an association whose beginning is not in the capture.
const NO_ASSOCIATION: &str = "65535";
/// Longer lines are no NGAP.
const LONGEST: u64 = 1 << 20;
/// Associations told apart.
const ASSOCIATIONS: usize = 1 << 20;

const FIELDS: [&str; 10] = [
    "frame.number",
    "frame.time_epoch",
    "sctp.assoc_index",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "sctp.srcport",
    "sctp.dstport",
    "data.data",
];

/// A running tshark; it ends with this value.
pub(super) struct Tshark {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    said: Option<JoinHandle<String>>,
    numbers: HashMap<String, u32>,
}

impl Tshark {
    pub(super) fn start(program: &str, capture: &Path) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.arg("-n").arg("-r").arg(capture);
        command.args(["--disable-protocol", "ngap", "-T", "fields"]);
        for field in FIELDS {
            command.args(["-e", field]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(|error| {
            format!("cannot start {program}: {error}; install Debian's package tshark")
        })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // Read beside: a full pipe would stop it.
        let said = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.map(|stderr| stderr.take(4096).read_to_end(&mut text));
            String::from_utf8_lossy(&text).trim().to_owned()
        });
        Ok(Self {
            child,
            lines: BufReader::with_capacity(1 << 18, stdout.ok_or("tshark has no output")?),
            said: Some(said),
            numbers: HashMap::new(),
        })
    }

    /// Hands every SCTP payload to `each`, in order.
    pub(super) fn read(
        &mut self,
        mut each: impl FnMut(&Packet<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut line, mut octets) = (Vec::new(), Vec::new());
        loop {
            line.clear();
            let mut limited = self.lines.by_ref().take(LONGEST);
            let len = limited
                .read_until(b'\n', &mut line)
                .map_err(|error| format!("cannot read from tshark: {error}"))?;
            if len == 0 {
                return self.end();
            }
            let Some(frame) = std::str::from_utf8(&line).ok().and_then(Frame::parse) else {
                continue;
            };
            let (association, amf) = self.number(&frame);
            for payload in frame.payloads.split(',').filter(|text| !text.is_empty()) {
                octets.clear();
                if !decode(payload, &mut octets) {
                    continue;
                }
                each(&Packet {
                    frame: frame.number,
                    time: frame.time,
                    association,
                    amf,
                    ngap: &octets,
                })?;
            }
        }
    }

    fn number(&mut self, frame: &Frame<'_>) -> (u32, u32) {
        if self.numbers.len() > ASSOCIATIONS {
            self.numbers.clear();
        }
        let (from, to) = (
            format!("{}:{}", frame.from.0, frame.from.1),
            format!("{}:{}", frame.to.0, frame.to.1),
        );
        let amf = [&from, &to]
            .into_iter()
            .zip([frame.from.1, frame.to.1])
            .find_map(|(name, port)| (port == NGAP_PORT).then(|| name.clone()));
        let association = if frame.association == NO_ASSOCIATION || frame.association.is_empty() {
            let (low, high) = if from < to {
                (&from, &to)
            } else {
                (&to, &from)
            };
            format!("{low} {high}")
        } else {
            format!("#{}", frame.association)
        };
        let mut intern = |name: String| {
            let next = self.numbers.len() as u32;
            *self.numbers.entry(name).or_insert(next)
        };
        let association = intern(association);
        (association, amf.map_or(association, intern))
    }

    fn end(&mut self) -> Result<(), String> {
        let status = self
            .child
            .wait()
            .map_err(|error| format!("tshark: {error}"))?;
        let said = self.said.take().and_then(|said| said.join().ok());
        if status.success() {
            return Ok(());
        }
        Err(format!(
            "tshark ended with {status}: {}",
            said.unwrap_or_default()
        ))
    }
}

impl Drop for Tshark {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One line of tshark.
struct Frame<'a> {
    number: u64,
    time: u64,
    association: &'a str,
    from: (&'a str, &'a str),
    to: (&'a str, &'a str),
    payloads: &'a str,
}

impl<'a> Frame<'a> {
    /// `None` for a frame without payload.
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = [""; FIELDS.len()];
        for (field, text) in fields
            .iter_mut()
            .zip(line.trim_end_matches('\n').split('\t'))
        {
            *field = text;
        }
        let [
            number,
            time,
            association,
            src,
            dst,
            src6,
            dst6,
            from,
            to,
            payloads,
        ] = fields;
        if payloads.is_empty() || from.is_empty() {
            return None;
        }
        // Of a packet inside another one, the innermost addresses.
        let last = |text: &'a str| text.rsplit(',').next().unwrap_or_default();
        let either = |four, six| {
            if last(four).is_empty() {
                last(six)
            } else {
                last(four)
            }
        };
        Some(Self {
            number: number.parse().ok()?,
            time: nanoseconds(time)?,
            association: last(association),
            from: (either(src, src6), last(from)),
            to: (either(dst, dst6), last(to)),
            payloads,
        })
    }
}

/// `1795297294.681849000`.
fn nanoseconds(time: &str) -> Option<u64> {
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    let nine: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    let seconds: u64 = seconds.parse().ok()?;
    seconds
        .checked_mul(1_000_000_000)?
        .checked_add(nine.parse().ok()?)
}

/// Hexadecimal digits, without an allocation for each payload.
fn decode(digits: &str, out: &mut Vec<u8>) -> bool {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    for [high, low] in pairs {
        let (Some(high), Some(low)) = (value(*high), value(*low)) else {
            return false;
        };
        out.push((high << 4 | low) as u8);
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_tshark() {
        let line = "7\t1795297294.5\t65535\t10.0.0.1,127.0.0.1\t10.0.0.2,127.0.0.5\t\t\t30001\t38412\t0004,00ff\n";
        let frame = Frame::parse(line).unwrap();
        assert_eq!((frame.number, frame.time), (7, 1_795_297_294_500_000_000));
        assert_eq!(
            (frame.from, frame.to),
            (("127.0.0.1", "30001"), ("127.0.0.5", "38412"))
        );
        assert_eq!(frame.payloads, "0004,00ff");
        for bad in [
            "",
            "\n",
            "7",
            "x\t1.0\t\t\t\t\t\t1\t2\t00",
            "7\t1.0\t\t\t\t\t\t1\t2\t\n",
        ] {
            assert!(Frame::parse(bad).is_none());
        }
        let mut out = Vec::new();
        assert!(decode("00fF", &mut out) && out == [0, 255]);
        assert!(!decode("0", &mut Vec::new()) && !decode("0g", &mut Vec::new()));
    }
}
