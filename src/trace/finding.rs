//! What is wrong, in a code and in words.

use crate::security::Diagnosis;

/// A code of the field's failure table, or one that only a trace can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A row of the failure table.
    Field(Diagnosis),
    /// The UE and the AMF understand each other, but the keys given do not fit their messages.
    KeysDoNotFit,
    /// The same key, COUNT, BEARER and DIRECTION protected two different messages.
    KeystreamReuse,
}

impl Code {
    /// The code in capitals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Field(diagnosis) => diagnosis.name(),
            Self::KeysDoNotFit => "KEYS_DO_NOT_FIT",
            Self::KeystreamReuse => "KEYSTREAM_REUSE",
        }
    }
}

impl From<Diagnosis> for Code {
    fn from(diagnosis: Diagnosis) -> Self {
        Self::Field(diagnosis)
    }
}

/// One fault and its likely cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The code.
    pub code: Code,
    /// The cause in a sentence; holds no key and no identity.
    pub text: String,
}

impl Finding {
    pub(super) fn new(code: impl Into<Code>, text: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            text: text.into(),
        }
    }
}
