//! One enum for every way a call can fail, with the numbers that C sees. A number is never used again for
//! another meaning.

use core::fmt;

/// What went wrong, or what a message turned out to be. The discriminant is the C status; 0 is OK.
///
/// 1..=31 are verdicts on a message, 32..=63 concern procedures and contexts, 64..=95 the arguments of a call,
/// 96..=127 limits and the engine itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Error {
    /// A plain message that the AMF may act on in this state (TS 24.501 4.4.4.3).
    PlainAllowed = 1,
    /// A plain message that must be discarded in this state.
    PlainRefused = 2,
    /// Fewer octets than the message needs.
    Short = 3,
    /// A reserved security header type, or one that this direction or state does not allow.
    HeaderType = 4,
    /// No security context that could verify or protect this message.
    NoContext = 5,
    /// The message authentication code does not verify.
    Mac = 6,
    /// The message verifies under a COUNT that was accepted before.
    Replay = 7,
    /// The NAS COUNT would pass 2^24 - 1.
    CountExhausted = 8,
    /// Null integrity where the session does not permit it.
    NullIntegrity = 9,
    /// The MAC verifies but the content is not a plain 5GS message: the two sides cipher differently.
    CipherSkew = 10,
    /// A security protected message inside a security protected message.
    Nested = 11,
    /// Security header type and inner message type do not belong together.
    HeaderMismatch = 12,
    /// Not ciphered although ciphering has started on this access.
    Unciphered = 13,
    /// Protection was asked for before the secure exchange of NAS messages is established on this access.
    NotSecured = 14,
    /// Not a 5GMM message (extended protocol discriminator 0x7E).
    Discriminator = 15,
    /// A mandatory information element is missing, too short or too long.
    MalformedIe = 16,
    /// The message carries no NAS message container.
    ContainerMissing = 17,
    /// The NAS message container holds another message than the ongoing procedure's.
    ContainerMismatch = 18,
    /// The container call names a message that is not the one verified last on this access.
    ContainerUnverified = 19,
    /// The COUNTs that the downlink lease of this session and access permits are used up; nothing was taken.
    LeaseExhausted = 20,

    /// Another key-changing procedure is running for this UE (TS 33.501 6.9.5).
    Conflict = 32,
    /// No procedure waits for this message.
    Unexpected = 33,
    /// No authenticated context with this ngKSI, or authentication is not finished.
    OutOfOrder = 34,
    /// UE and operator share no integrity algorithm.
    NoCommonIntegrity = 35,
    /// UE and operator share no ciphering algorithm.
    NoCommonCiphering = 36,
    /// The algorithm is not in the UE's security capability, or not built in.
    AlgorithmNotSupported = 37,
    /// The UE's replayed security capability differs from the one it sent.
    CapabilityMismatch = 38,
    /// ngKSI is "no key available", in use, or of the wrong kind.
    NgKsi = 39,
    /// Retransmissions are used up; the procedure was aborted.
    Timeout = 40,
    /// The key was used before at a higher COUNT, or is in use by another session.
    KeyReused = 41,
    /// The command carries Selected EPS NAS security algorithms without the replayed S1 capability, an
    /// EAP-Success without ABBA, or another combination that TS 24.501 8.2.25 does not allow.
    IeCombination = 42,
    /// The peer rejected the security mode command.
    Rejected = 43,
    /// HDP needs a K_AMF' that this engine derived for this procedure.
    Horizontal = 44,
    /// Another node owns this session, or took it over.
    Fenced = 45,
    /// Nobody can vouch for the COUNTs of this session any more: only a new K_AMF helps.
    RekeyRequired = 46,
    /// Not the S-NSSAI that was asked, or none of the subscription.
    Slice = 47,
    /// Network slice-specific authentication needs a GPSI.
    Gpsi = 48,

    /// A required pointer is NULL.
    Null = 64,
    /// The output buffer is too small; the needed length is reported.
    BufferTooSmall = 65,
    /// Input and output overlap without being the same place.
    Overlap = 66,
    /// Offset and length leave the arena.
    OutOfRange = 67,
    /// Not a session handle of this engine, or the session was released.
    Handle = 68,
    /// Neither 1 (3GPP) nor 2 (non-3GPP access); at the stateless level not below 32.
    Bearer = 69,
    /// DIRECTION is neither 0 nor 1.
    Direction = 70,
    /// Not an operation of a job, or a reserved field that is not zero.
    Operation = 71,
    /// The argument is outside its documented domain.
    Argument = 72,
    /// A record of another version, or damaged.
    Record = 73,
    /// The length is more than the algorithm or message allows.
    TooLong = 74,
    /// The session has the other role: an AMF half's call on a UE half, or the reverse.
    Role = 75,

    /// The session table is full.
    TableFull = 96,
    /// Too many sessions have a procedure or a second context at the same time.
    SideFull = 97,
    /// The session is in use by another thread.
    Busy = 98,
    /// No backend of a kernel passed its known-answer test.
    SelfTest = 99,
    /// A defect inside naslane stopped this call; its session is closed for good.
    Poisoned = 100,
    /// The platform refused a resource.
    System = 101,
    /// The worker left before this job ran; it changed nothing.
    Stopped = 102,

    /// The sidecar is gone, or ended the connection: what was under way may have happened or not.
    Disconnected = 112,
    /// A limit that the sidecar sets to each client is reached.
    Quota = 113,
    /// Sidecar and client have no version of the control protocol in common.
    Version = 114,
    /// The sidecar does not serve this user.
    Denied = 115,
    /// The engine behind this door does not offer the call.
    Unsupported = 116,
    /// The sidecar itself asks the NSSAAF and keeps the timers of slice authentication: nobody does so beside it.
    Hosted = 117,
}

/// Result with [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

/// Every error, in the order of the numbers: for tables in documents and tests.
pub const ALL: &[Error] = &[
    Error::PlainAllowed,
    Error::PlainRefused,
    Error::Short,
    Error::HeaderType,
    Error::NoContext,
    Error::Mac,
    Error::Replay,
    Error::CountExhausted,
    Error::NullIntegrity,
    Error::CipherSkew,
    Error::Nested,
    Error::HeaderMismatch,
    Error::Unciphered,
    Error::NotSecured,
    Error::Discriminator,
    Error::MalformedIe,
    Error::ContainerMissing,
    Error::ContainerMismatch,
    Error::ContainerUnverified,
    Error::LeaseExhausted,
    Error::Conflict,
    Error::Unexpected,
    Error::OutOfOrder,
    Error::NoCommonIntegrity,
    Error::NoCommonCiphering,
    Error::AlgorithmNotSupported,
    Error::CapabilityMismatch,
    Error::NgKsi,
    Error::Timeout,
    Error::KeyReused,
    Error::IeCombination,
    Error::Rejected,
    Error::Horizontal,
    Error::Fenced,
    Error::RekeyRequired,
    Error::Slice,
    Error::Gpsi,
    Error::Null,
    Error::BufferTooSmall,
    Error::Overlap,
    Error::OutOfRange,
    Error::Handle,
    Error::Bearer,
    Error::Direction,
    Error::Operation,
    Error::Argument,
    Error::Record,
    Error::TooLong,
    Error::Role,
    Error::TableFull,
    Error::SideFull,
    Error::Busy,
    Error::SelfTest,
    Error::Poisoned,
    Error::System,
    Error::Stopped,
    Error::Disconnected,
    Error::Quota,
    Error::Version,
    Error::Denied,
    Error::Unsupported,
    Error::Hosted,
];

impl Error {
    /// The number that C sees.
    #[must_use]
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The error with this number.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        ALL.iter().copied().find(|error| error.code() == code)
    }

    /// What happened and what to do about it, in one sentence.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "an arm for each error")]
    pub const fn text(self) -> &'static str {
        match self {
            Self::PlainAllowed => "plain message that may be acted on before secure exchange",
            Self::PlainRefused => "plain message where protection is required; discard it",
            Self::Short => "message is cut short; discard it",
            Self::HeaderType => {
                "security header type is reserved or not allowed here; discard the message"
            }
            Self::NoContext => "no security context for this message; authenticate first",
            Self::Mac => {
                "message authentication code does not verify; discard or follow TS 24.501 4.4.4.3"
            }
            Self::Replay => "message was accepted before; discard it",
            Self::CountExhausted => "NAS COUNT is used up; authenticate again for a new K_AMF",
            Self::NullIntegrity => {
                "null integrity is only for emergency sessions; set the emergency flag or select another NIA"
            }
            Self::CipherSkew => {
                "MAC verifies but the content is garbage; compare K_NASenc and the ciphering algorithm of both sides"
            }
            Self::Nested => "protected message inside a protected message; discard it",
            Self::HeaderMismatch => {
                "security header type does not fit the inner message; discard it"
            }
            Self::Unciphered => "message must be ciphered on this access; discard it",
            Self::NotSecured => {
                "secure exchange is not established on this access; run the security mode procedure first"
            }
            Self::Discriminator => "not a 5GMM message (0x7E expected)",
            Self::MalformedIe => "an information element is missing or malformed",
            Self::ContainerMissing => "NAS message container is missing",
            Self::ContainerMismatch => "NAS message container does not fit the ongoing procedure",
            Self::ContainerUnverified => {
                "decipher a container right after its message was verified, with that message's COUNT"
            }
            Self::LeaseExhausted => {
                "the lease of downlink COUNTs is used up; try again when the store has renewed it"
            }
            Self::Conflict => {
                "another key-changing procedure is running for this UE; wait for its end"
            }
            Self::Unexpected => "no procedure waits for this message",
            Self::OutOfOrder => {
                "no authenticated context for this ngKSI; finish authentication first"
            }
            Self::NoCommonIntegrity => {
                "UE and operator share no integrity algorithm; reject with cause 23"
            }
            Self::NoCommonCiphering => {
                "UE and operator share no ciphering algorithm; reject with cause 23"
            }
            Self::AlgorithmNotSupported => {
                "algorithm is not in the UE security capability or not built in"
            }
            Self::CapabilityMismatch => {
                "replayed UE security capability differs from the one sent; reject with cause 23"
            }
            Self::NgKsi => "ngKSI is not usable here; choose 0..=6 that differs from those in use",
            Self::Timeout => "retransmissions are used up; the procedure was aborted",
            Self::KeyReused => "K_AMF is in use or was used at a higher COUNT; authenticate again",
            Self::IeCombination => {
                "information elements of the SECURITY MODE COMMAND do not go together"
            }
            Self::Rejected => {
                "the UE rejected the security mode command; the context used before is in force again"
            }
            Self::Horizontal => {
                "horizontal derivation needs K_AMF' derived by this engine for this procedure"
            }
            Self::Fenced => "another node owns this session; send its messages there",
            Self::RekeyRequired => {
                "the COUNTs of this session are not known any more; release it and authenticate again"
            }
            Self::Slice => "not the S-NSSAI that was asked, or none of the UE's subscription",
            Self::Gpsi => {
                "a subscription with slices that need authentication must have a GPSI (at most 272 octets)"
            }
            Self::Null => "a required pointer is NULL",
            Self::BufferTooSmall => "output buffer is too small; nothing was written",
            Self::Overlap => "input and output overlap without being the same place",
            Self::OutOfRange => "offset and length leave the arena",
            Self::Handle => "session handle is unknown or was released",
            Self::Bearer => {
                "access must be 1 (3GPP) or 2 (non-3GPP); a stateless BEARER must be below 32"
            }
            Self::Direction => "direction must be 0 (uplink) or 1 (downlink)",
            Self::Operation => "unknown operation or a reserved field that is not zero",
            Self::Argument => "argument is outside its documented domain",
            Self::Record => "session record is damaged or of another version",
            Self::TooLong => "length is more than the message or algorithm allows",
            Self::Role => "call belongs to the other role (AMF or UE) than this session's",
            Self::TableFull => "session table is full; raise `sessions` or release some",
            Self::SideFull => "too many procedures at once; raise `procedures` or finish some",
            Self::Busy => "session is in use by another thread; try again",
            Self::SelfTest => {
                "no backend passed its known-answer test; this processor or build is not usable"
            }
            Self::Poisoned => {
                "an internal defect closed this session; release it and report the defect"
            }
            Self::System => "the platform refused a resource",
            Self::Stopped => "the worker was stopped before this job ran; nothing changed",
            Self::Disconnected => {
                "the sidecar is gone; connect again, what was under way is unknown"
            }
            Self::Quota => "this client's share of the sidecar is used up; release some of it",
            Self::Version => "no common version of the control protocol; update the older side",
            Self::Denied => "the sidecar does not serve this user; see `clients` in its settings",
            Self::Unsupported => {
                "the engine behind this door does not offer this call; no K_AMF leaves a sidecar"
            }
            Self::Hosted => {
                "the sidecar itself asks the NSSAAF and keeps the timers ([nssaa] in its settings); run none beside it"
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_round_trip() {
        for pair in ALL.windows(2) {
            assert!(pair[0].code() < pair[1].code());
        }
        for &error in ALL {
            assert_eq!(Error::from_code(error.code()), Some(error));
            assert!(!error.text().is_empty());
        }
        assert_eq!(Error::from_code(0), None);
    }
}
