//! What an engineer tries by hand on a message whose MAC is not right: one deviation at a time.

use super::context::{Again, COUNT_END, Context, decipher, mac_is, readable};
use super::finding::{Code, Finding};
use super::keys::{Entry, Root};
use super::ue::Ue;
use crate::algorithm::{Input, Key, Nea, Nia};
use crate::base::{AccessType, Direction};
use crate::nas::Protected;
use crate::security::Diagnosis;

/// Keys of other subscribers that are tried.
const STRANGERS: usize = 256;
/// Keys whose derivation is tried with mistakes.
const SUSPECTS: usize = 64;

/// The message and what is known of its way.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) message: Protected<'a>,
    pub(super) direction: Direction,
    pub(super) access: AccessType,
}

impl Subject<'_> {
    pub(super) const fn input(&self, count: u32) -> Input {
        Input {
            count,
            bearer: self.access.bearer(),
            direction: self.direction,
        }
    }

    const fn turned(&self, count: u32) -> Input {
        let direction = match self.direction {
            Direction::Uplink => Direction::Downlink,
            Direction::Downlink => Direction::Uplink,
        };
        Input {
            direction,
            ..self.input(count)
        }
    }

    const fn bearing(&self, count: u32, bearer: u8) -> Input {
        Input {
            bearer,
            ..self.input(count)
        }
    }

    /// The expected COUNT, then those 256 and 512 away, then the lowest ones.
    fn counts(&self, expected: Option<u32>) -> impl Iterator<Item = u32> + Clone + use<> {
        let sn = u32::from(self.message.sn());
        let near = expected.into_iter().flat_map(|count| {
            [0, -256, 256, 512, -512, 768, 1024]
                .into_iter()
                .filter_map(move |shift| count.checked_add_signed(shift))
        });
        near.chain([sn, sn + 0x100])
            .filter(|count| *count < COUNT_END)
    }

    const fn sender(&self) -> &'static str {
        match self.direction {
            Direction::Uplink => "UE",
            Direction::Downlink => "AMF",
        }
    }
}

/// Why the MAC of a message is not right, under a UE that has a context.
pub(super) fn explain(ue: &Ue, entries: &[Entry], subject: &Subject<'_>) -> Finding {
    let Some(current) = ue.current.as_ref().or(ue.pending.as_ref()) else {
        return Finding::new(Diagnosis::ContextSkew, "no context to compare with");
    };
    under_other_count(current, subject)
        .or_else(|| under_other_context(ue, subject))
        .or_else(|| on_other_access(current, subject))
        .or_else(|| under_other_algorithm(current, entries, subject))
        .or_else(|| under_other_keys(entries, subject, current))
        .unwrap_or_else(|| {
            let text = if subject.message.mac() == [0; 4] {
                "the MAC is zero: the sender has no context or uses NIA0"
            } else {
                "no trial explains the MAC: other COUNT, context, access, direction, algorithm and keys were tried"
            };
            Finding::new(Diagnosis::ContextSkew, text)
        })
}

fn under_other_count(current: &Context, subject: &Subject<'_>) -> Option<Finding> {
    let (access, direction) = (subject.access, subject.direction);
    let expected = current.estimate(access, direction, subject.message.sn());
    let mut counts = subject.counts(expected);
    let count = counts.find(|count| current.verifies(subject.input(*count), &subject.message))?;
    let next = current.next(access, direction);
    if count >= next {
        let text = format!(
            "the MAC is right under COUNT {count}, {} above the one to expect: the {} counted on while messages were lost",
            i64::from(count) - expected.map_or(i64::from(next), i64::from),
            subject.sender()
        );
        return Some(Finding::new(Diagnosis::CountDesync, text));
    }
    Some(
        match current.again(access, direction, count, subject.message.mac()) {
            Again::Other => Finding::new(
                Code::KeystreamReuse,
                format!(
                    "another message had COUNT {count} under the same key, BEARER and DIRECTION: its key stream is used twice"
                ),
            ),
            Again::Same => Finding::new(
                Diagnosis::CountResetAtOneSide,
                format!(
                    "the same message, octet for octet, came before under COUNT {count}: a replay"
                ),
            ),
            Again::Forgotten => Finding::new(
                Diagnosis::CountResetAtOneSide,
                format!(
                    "the MAC is right under COUNT {count}, the next one is {next}: the {} reset its COUNT, or somebody replays",
                    subject.sender()
                ),
            ),
        },
    )
}

fn under_other_context(ue: &Ue, subject: &Subject<'_>) -> Option<Finding> {
    let (access, direction, sn) = (subject.access, subject.direction, subject.message.sn());
    ue.others().find_map(|(context, what)| {
        let expected = context.estimate(access, direction, sn);
        let mut counts = subject.counts(expected);
        let count =
            counts.find(|count| context.verifies(subject.input(*count), &subject.message))?;
        let text = format!(
            "the MAC is right under {what} (keys {}), COUNT {count}: the {} still uses it",
            context.entry,
            subject.sender()
        );
        Some(Finding::new(Diagnosis::OldContextStillUsed, text))
    })
}

fn on_other_access(current: &Context, subject: &Subject<'_>) -> Option<Finding> {
    let other = subject.access.other();
    let sn = subject.message.sn();
    let here = current.estimate(subject.access, subject.direction, sn);
    let there = current.estimate(other, subject.direction, sn);
    for (bearer, name) in [(other.bearer(), "of the other access"), (0, "of EPS")] {
        for count in subject.counts(here).chain(subject.counts(there)) {
            let input = subject.bearing(count, bearer);
            if current.verifies(input, &subject.message) {
                let text = format!(
                    "the MAC is right with BEARER {bearer}, the value {name}, instead of {} (COUNT {count})",
                    subject.access.bearer()
                );
                return Some(Finding::new(Diagnosis::WrongAccess, text));
            }
        }
    }
    let mut counts = subject.counts(here);
    counts
        .find(|count| current.verifies(subject.turned(*count), &subject.message))
        .map(|count| {
            let text = format!(
                "the MAC is right with the DIRECTION bit of the other side (COUNT {count})"
            );
            Finding::new(Diagnosis::ContextSkew, text)
        })
}

fn under_other_algorithm(
    current: &Context,
    entries: &[Entry],
    subject: &Subject<'_>,
) -> Option<Finding> {
    let root = entries.get(current.entry)?.root()?;
    let expected = current.estimate(subject.access, subject.direction, subject.message.sn());
    keys_of(&root, current.nia).find_map(|(nia, key, what)| {
        let mut counts = subject.counts(expected);
        let count =
            counts.find(|count| mac_is(nia, &key, subject.input(*count), &subject.message))?;
        let text = format!("the MAC is right {what} {} (COUNT {count})", nia.row().name);
        Some(Finding::new(Diagnosis::ContextSkew, text))
    })
}

/// Integrity keys that a mistake with the algorithms gives, besides the right one.
fn keys_of(
    root: &Root<'_>,
    selected: Nia,
) -> impl Iterator<Item = (Nia, Key, &'static str)> + use<> {
    let mut out = Vec::new();
    for nia in Nia::ALL.into_iter().skip(1) {
        if nia != selected {
            out.extend(root.int(nia).map(|key| (nia, key, "with")));
            let Some(key) = root.int(nia) else { continue };
            let other = Key::for_nia(selected, key.raw());
            out.push((selected, other, "with the key of another algorithm under"));
        }
        let mixed = root.mixed(nia);
        out.extend(mixed.map(|key| (nia, key, "with K_NASenc in place of K_NASint under")));
    }
    out.into_iter()
}

fn under_other_keys(
    entries: &[Entry],
    subject: &Subject<'_>,
    current: &Context,
) -> Option<Finding> {
    let expected = current.estimate(subject.access, subject.direction, subject.message.sn());
    let tried = |key: &Key| {
        let mut counts = subject.counts(expected);
        counts.find(|count| mac_is(current.nia, key, subject.input(*count), &subject.message))
    };
    for root in entries.get(current.entry)?.mistaken() {
        if let Some(count) = root.int(current.nia).and_then(|key| tried(&key)) {
            let text = format!("the MAC is right with {} (COUNT {count})", root.how);
            return Some(Finding::new(Diagnosis::KeyOrCount, text));
        }
    }
    for (place, entry) in entries.iter().enumerate().take(STRANGERS) {
        let key = entry.root().and_then(|root| root.int(current.nia));
        if let Some(count) = key.and_then(|key| tried(&key)) {
            let text = format!(
                "the MAC is right under keys {place}, which are not in use (COUNT {count})"
            );
            return Some(Finding::new(Diagnosis::ContextSkew, text));
        }
    }
    None
}

/// Why the MAC of a SECURITY MODE COMMAND is not right, and the context that explains it where keys do.
pub(super) fn explain_command(
    (ue, entries): (&Ue, &[Entry]),
    candidates: &[usize],
    (nia, nea): (Nia, Nea),
    subject: &Subject<'_>,
) -> Option<(Finding, Option<Context>)> {
    let expected = ue.current.as_ref().and_then(|context| {
        context.estimate(subject.access, subject.direction, subject.message.sn())
    });
    let say = |text: String| Finding::new(Diagnosis::KeyOrCount, text);
    for &place in candidates.iter().take(SUSPECTS) {
        let Some(entry) = entries.get(place) else {
            continue;
        };
        let roots = entry.root().into_iter().chain(entry.mistaken());
        for root in roots {
            let Some(key) = root.int(nia) else { continue };
            let is = |input: Input| mac_is(nia, &key, input, &subject.message);
            if let Some(count) = subject
                .counts(expected)
                .find(|count| is(subject.input(*count)))
            {
                let how = if root.how.is_empty() {
                    format!("DL COUNT {count} where a new context begins with 0")
                } else {
                    root.how.to_owned()
                };
                let mut context = Context::new(place, (nia, nea), key, root.enc(nea));
                context
                    .line(subject.access, subject.direction)
                    .accept(count, subject.message.mac());
                return Some((say(format!("the MAC is right with {how}")), Some(context)));
            }
            for count in subject.counts(expected) {
                let what = [
                    (subject.bearing(count, 0), "BEARER 0, the value of EPS"),
                    (
                        subject.bearing(count, subject.access.other().bearer()),
                        "the BEARER of the other access",
                    ),
                    (subject.turned(count), "the DIRECTION bit of the uplink"),
                ];
                if let Some((_, what)) = what.into_iter().find(|(input, _)| is(*input)) {
                    let text = format!("the MAC is right with {what} (COUNT {count})");
                    return Some((say(text), None));
                }
            }
            for (other, key, what) in keys_of(&root, nia) {
                let input = subject.input(u32::from(subject.message.sn()));
                if mac_is(other, &key, input, &subject.message) {
                    let text = format!("the MAC is right {what} {}", other.row().name);
                    return Some((say(text), None));
                }
            }
        }
    }
    under_other_context(ue, subject)
        .or_else(|| {
            let current = ue.current.as_ref()?;
            current
                .verifies(subject.input(expected?), &subject.message)
                .then(|| {
                    Finding::new(
                        Diagnosis::OldContextStillUsed,
                        "the MAC is right under the context in use: the command must use the new one",
                    )
                })
        })
        .map(|finding| (finding, None))
}

/// Why a message with a right MAC does not decipher to a 5GMM message.
pub(super) fn explain_unreadable(
    context: &Context,
    entries: &[Entry],
    subject: &Subject<'_>,
    count: u32,
) -> Finding {
    let body = subject.message.body();
    let finding = |text: String| Finding::new(Diagnosis::CipherSkew, text);
    let reads = |nea: Nea, key: &Key, input: Input, skip: usize| {
        let mut text = vec![0; skip];
        text.extend_from_slice(body);
        decipher(nea, key, input, &mut text);
        text.get(skip..)
            .is_some_and(|text| readable(text, subject.direction))
    };
    if !subject.message.sht().is_ciphered() || readable(body, subject.direction) {
        return finding("the message is not ciphered, or is no 5GMM message".into());
    }
    if let Some(key) = &context.enc {
        for (bearer, count) in [
            (0, count),
            (subject.access.other().bearer(), count),
            (subject.access.bearer(), u32::from(subject.message.sn())),
            (subject.access.bearer(), count.wrapping_add(1)),
            (subject.access.bearer(), count.wrapping_sub(1)),
        ] {
            if reads(context.nea, key, subject.bearing(count, bearer), 0) {
                return finding(format!(
                    "it deciphers with BEARER {bearer} and COUNT {count}, the MAC with other values"
                ));
            }
        }
        if reads(context.nea, key, subject.turned(count), 0) {
            return finding("it deciphers with the DIRECTION bit of the other side".into());
        }
        for skip in [1, 7] {
            if reads(context.nea, key, subject.input(count), skip) {
                return finding(format!(
                    "it deciphers with the key stream from octet {skip} on: the wrong octets were ciphered"
                ));
            }
        }
    } else {
        return finding("the MAC is right, but no ciphering key is given".into());
    }
    let root = entries.get(context.entry).and_then(Entry::root);
    for nea in Nea::ALL.into_iter().skip(1) {
        let Some(root) = &root else { break };
        if let Some(key) = root.enc(nea)
            && nea != context.nea
            && reads(nea, &key, subject.input(count), 0)
        {
            return finding(format!("it deciphers with {}", nea.row().name));
        }
        let int = Nia::from_id(nea.id()).and_then(|nia| root.int(nia));
        if let Some(int) = int
            && reads(nea, &Key::for_nea(nea, int.raw()), subject.input(count), 0)
        {
            return finding("it deciphers with K_NASint in place of K_NASenc".into());
        }
    }
    finding("the MAC is right, the content is not readable: wrong K_NASenc, algorithm or key stream offset".into())
}
