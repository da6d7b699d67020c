//! The words that counters are kept under. A new operation, verdict class or reason is one row of `rows!`.

use crate::base::Error;

/// An enum, its rows in order of their indices, and the word of each row.
macro_rules! rows {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $row:ident $word:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$inner])* $row,)+ }

        impl $name {
            /// Every row, in order of the indices.
            pub const ALL: &[Self] = &[$(Self::$row,)+];

            /// The place of its counter.
            #[must_use]
            pub const fn index(self) -> usize {
                self as usize
            }

            /// Its word in labels and tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$row => $word,)+ }
            }
        }
    };
}

rows! {
    /// What a job asks for; the index is the number of the operation in `Job::op`.
    Operation {
        /// A number that no operation has.
        Other "other",
        /// Protect.
        Protect "protect",
        /// Verify and commit.
        Verify "verify",
        /// Verify without a commit.
        VerifyOnly "verify_only",
        /// SECURITY MODE COMMAND.
        SmcCommand "smc_command",
        /// SECURITY MODE COMMAND again.
        SmcResend "smc_resend",
        /// Decipher a NAS message container.
        Container "container",
    }
}

/// How many rows [`Operation`] has.
pub const OPERATIONS: usize = Operation::ALL.len();

impl Operation {
    /// The operation with this number.
    #[must_use]
    #[inline]
    pub const fn of(op: u8) -> Self {
        if (op as usize) < OPERATIONS {
            Self::ALL[op as usize]
        } else {
            Self::Other
        }
    }
}

rows! {
    /// What became of a message, in classes that an operator acts on: who sees `mac` or `replay` rise looks for an
    /// attack or for an AMF that lost its COUNTs, who sees `limit` rise gives the engine more room.
    Verdict {
        /// Done.
        Ok "ok",
        /// Plain, and the AMF may act on it in this state.
        PlainAllowed "plain_allowed",
        /// Plain where protection is required.
        PlainRefused "plain_refused",
        /// The MAC does not verify.
        Mac "mac",
        /// Accepted before.
        Replay "replay",
        /// No security context, or not in use on this access.
        NoContext "no_context",
        /// The COUNTs of the context are used up.
        CountExhausted "count_exhausted",
        /// The MAC verifies, the content is garbage.
        CipherSkew "cipher_skew",
        /// Not a message that the standard allows in this form.
        Malformed "malformed",
        /// Null integrity or null ciphering where the session does not permit it.
        Policy "policy",
        /// The procedure or context does not take this step now.
        Procedure "procedure",
        /// The job itself is wrong: handle, offsets, fields.
        Argument "argument",
        /// A table is full or a session busy.
        Limit "limit",
        /// A defect, a failed self-test, or the platform.
        Internal "internal",
    }
}

impl Verdict {
    /// Counters kept for one operation and pair: a power of two, a line and its neighbour.
    pub(super) const ROOM: usize = 16;

    /// The class of a job's status: 0 or the number of an [`Error`].
    #[must_use]
    #[inline]
    pub const fn of(status: i32) -> Self {
        // The usual case needs no table.
        if status == 0 {
            return Self::Ok;
        }
        if status < 0 || status as usize >= CLASSES.len() {
            return Self::Internal;
        }
        CLASSES[status as usize]
    }
}

const _: () = assert!(Verdict::ALL.len() <= Verdict::ROOM);

static CLASSES: [Verdict; 128] = classes();

const fn classes() -> [Verdict; 128] {
    let mut table = [Verdict::Internal; 128];
    let mut code = 1;
    while code < 96 {
        table[code] = match code {
            1..=31 => Verdict::Malformed,
            32..=63 => Verdict::Procedure,
            _ => Verdict::Argument,
        };
        code += 1;
    }
    table[Error::PlainAllowed as usize] = Verdict::PlainAllowed;
    table[Error::PlainRefused as usize] = Verdict::PlainRefused;
    table[Error::Mac as usize] = Verdict::Mac;
    table[Error::Replay as usize] = Verdict::Replay;
    table[Error::NoContext as usize] = Verdict::NoContext;
    table[Error::NotSecured as usize] = Verdict::NoContext;
    table[Error::CountExhausted as usize] = Verdict::CountExhausted;
    table[Error::CipherSkew as usize] = Verdict::CipherSkew;
    table[Error::NullIntegrity as usize] = Verdict::Policy;
    table[Error::Unciphered as usize] = Verdict::Policy;
    table[Error::TableFull as usize] = Verdict::Limit;
    table[Error::SideFull as usize] = Verdict::Limit;
    table[Error::Busy as usize] = Verdict::Limit;
    table
}

/// The algorithms of a message: a ciphering and an integrity identity, or none when no context was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Algorithms(u8);

/// How many values [`Algorithms`] has: four times four, and none.
pub const ALGORITHMS: usize = 17;

impl Algorithms {
    /// No context, or a job that never came to one.
    pub const NONE: Self = Self(16);

    /// NEA and NIA by their identities on the wire; [`Self::NONE`] for one above 3.
    #[must_use]
    #[inline]
    pub const fn of(nea: u8, nia: u8) -> Self {
        if nea < 4 && nia < 4 {
            Self(nea << 2 | nia)
        } else {
            Self::NONE
        }
    }

    /// Every value, in order of the indices.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..17).map(Self)
    }

    /// The place of its counter.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Its word in labels and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        const NAMES: [&str; ALGORITHMS] = [
            "NEA0/NIA0",
            "NEA0/NIA1",
            "NEA0/NIA2",
            "NEA0/NIA3",
            "NEA1/NIA0",
            "NEA1/NIA1",
            "NEA1/NIA2",
            "NEA1/NIA3",
            "NEA2/NIA0",
            "NEA2/NIA1",
            "NEA2/NIA2",
            "NEA2/NIA3",
            "NEA3/NIA0",
            "NEA3/NIA1",
            "NEA3/NIA2",
            "NEA3/NIA3",
            "none",
        ];
        NAMES[self.index()]
    }
}

rows! {
    /// Why a client's ring was shut for good.
    Quarantine {
        /// A reason that this version does not know.
        Other "other",
        /// The submission index is further ahead than the ring is long, or went back.
        SubmitTail "submit_tail",
        /// The completion index is ahead of what was completed, or went back.
        CompleteHead "complete_head",
        /// More jobs submitted and not reaped than the ring has entries.
        Overrun "overrun",
        /// A message on the control socket that the protocol does not know.
        Protocol "protocol",
        /// More than the client's quota allows.
        Quota "quota",
    }
}

/// How many rows [`Quarantine`] has.
pub const QUARANTINES: usize = Quarantine::ALL.len();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error;

    #[test]
    fn every_error_has_its_class() {
        assert_eq!(Verdict::of(0), Verdict::Ok);
        for &error in error::ALL {
            let class = Verdict::of(error.code());
            assert_ne!(class, Verdict::Ok, "{error:?}");
            let expected = match error.code() {
                32..=63 => Some(Verdict::Procedure),
                64..=95 => Some(Verdict::Argument),
                _ => None,
            };
            assert!(
                expected.is_none_or(|expected| class == expected),
                "{error:?}"
            );
        }
        for (error, class) in [
            (Error::Mac, Verdict::Mac),
            (Error::Replay, Verdict::Replay),
            (Error::NotSecured, Verdict::NoContext),
            (Error::Short, Verdict::Malformed),
            (Error::Busy, Verdict::Limit),
            (Error::Poisoned, Verdict::Internal),
        ] {
            assert_eq!(Verdict::of(error.code()), class);
        }
        for status in [-1, 127, 128, i32::MIN, i32::MAX] {
            assert_eq!(Verdict::of(status), Verdict::Internal);
        }
    }

    #[test]
    fn words_are_unique_and_places_are_in_order() {
        let algorithms: Vec<_> = Algorithms::all().collect();
        assert_eq!(algorithms.len(), ALGORITHMS);
        let mut words: Vec<_> = algorithms.iter().map(|a| a.name()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ALGORITHMS);
        for (index, &operation) in Operation::ALL.iter().enumerate() {
            assert_eq!(operation.index(), index);
            assert_eq!(Operation::of(index as u8), operation);
        }
        assert_eq!(Operation::of(200), Operation::Other);
        for (index, &reason) in Quarantine::ALL.iter().enumerate() {
            assert_eq!(reason.index(), index);
        }
        assert_eq!(Algorithms::of(2, 1).name(), "NEA2/NIA1");
        assert_eq!(Algorithms::of(4, 0), Algorithms::NONE);
    }
}
