//! One UE as an observer knows it.

use super::context::Context;
use super::finding::Code;
use crate::base::{AccessType, NgKsi};
use crate::nas::{SecurityModeCommand, UeSecurityCapability};

/// Contexts kept beside the one in use.
const OLDER: usize = 3;
/// Security mode procedures remembered of a UE.
const COMMANDS: usize = 256;

/// An authentication as far as it was seen.
#[derive(Clone, Copy)]
pub(super) struct Authentication {
    pub(super) ng_ksi: NgKsi,
    pub(super) answered: bool,
}

/// How a security mode procedure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not yet.
    Open,
    /// SECURITY MODE COMPLETE.
    Complete,
    /// SECURITY MODE REJECT with this cause.
    Rejected(u8),
    /// Another message ended it, or none came.
    Aborted,
}

/// The parameters of one security mode procedure.
#[derive(Clone, Debug)]
pub struct Command {
    /// Frame of the first SECURITY MODE COMMAND.
    pub frame: u64,
    /// Selected algorithms as on the wire.
    pub nia: u8,
    /// Likewise.
    pub nea: u8,
    /// Key set identifier of the command.
    pub ng_ksi: NgKsi,
    /// Key set identifier of the authentication before it.
    pub authenticated: Option<NgKsi>,
    /// The capability that the UE sent.
    pub sent: Option<UeSecurityCapability>,
    /// The capability that the command replays.
    pub replayed: UeSecurityCapability,
    /// RINMR and HDP.
    pub retransmission: bool,
    /// K_AMF was derived horizontally.
    pub horizontal: bool,
    /// The IMEISV is asked for.
    pub imeisv: bool,
    /// Number of the keys under which it verified.
    pub entry: Option<usize>,
    /// Commands sent in this procedure.
    pub times: u32,
    /// How it ended.
    pub outcome: Outcome,
    pub(super) last: u64,
    /// What the trials said of its MAC.
    pub(super) why: Option<String>,
}

impl Command {
    pub(super) fn new(frame: u64, command: &SecurityModeCommand<'_>) -> Self {
        let additional = command.additional.unwrap_or_default();
        Self {
            frame,
            nia: command.nia,
            nea: command.nea,
            ng_ksi: command.ng_ksi,
            authenticated: None,
            sent: None,
            replayed: command.ue_sec_cap,
            retransmission: additional.retransmission,
            horizontal: additional.horizontal,
            imeisv: command.asks_for_imeisv(),
            entry: None,
            times: 0,
            outcome: Outcome::Open,
            last: 0,
            why: None,
        }
    }

    /// The octet at which sent and replayed capability differ, in words; `None` when they are equal or the UE's is
    /// not known.
    #[must_use]
    pub fn difference(&self) -> Option<String> {
        let sent = self.sent.as_ref()?;
        let at = sent.first_difference(&self.replayed)?;
        let octet = |capability: &UeSecurityCapability| {
            let octet = capability.value().get(at);
            octet.map_or("absent".to_owned(), |octet| format!("{octet:02x}"))
        };
        Some(format!(
            "octet {} is {} in what the UE sent ({} octets) and {} in what the command replays ({})",
            at + 1,
            octet(sent),
            sent.value().len(),
            octet(&self.replayed),
            self.replayed.value().len()
        ))
    }
}

/// Everything remembered of a UE.
#[derive(Default)]
pub(super) struct Ue {
    pub(super) supi: Option<String>,
    pub(super) current: Option<Context>,
    /// Named by a command that is not answered yet.
    pub(super) pending: Option<Context>,
    pub(super) older: Vec<Context>,
    /// A command was obeyed whose keys are not among those given.
    pub(super) misfit: bool,
    pub(super) capability: Option<UeSecurityCapability>,
    pub(super) emergency: bool,
    pub(super) authentication: Option<Authentication>,
    /// Security mode procedures, the newest last.
    pub(super) commands: Vec<Command>,
    /// Secure exchange of NAS messages, by access.
    pub(super) secure: [bool; 2],
    /// The initial message of the ongoing procedure.
    pub(super) initial: Option<u8>,
    /// Time and frame of a SECURITY MODE COMPLETE after which nothing came.
    pub(super) quiet: Option<(u64, u64)>,
    pub(super) commands_without_answer: u32,
    pub(super) downlinks: u32,
    pub(super) service_failures: u32,
    /// Messages for which keys were sought in vain.
    pub(super) sought: u32,
    pub(super) trials: u32,
    /// Keys of the last three changes of context, the newest last.
    pub(super) history: [Option<usize>; 3],
    pub(super) returns: u32,
    pub(super) warned: Vec<Code>,
}

impl Ue {
    /// The contexts besides the one in use.
    pub(super) fn others(&self) -> impl Iterator<Item = (&Context, &'static str)> {
        let pending = self.pending.iter().map(|context| {
            (
                context,
                "the context of the unanswered SECURITY MODE COMMAND",
            )
        });
        let older = self.older.iter().rev();
        pending.chain(older.map(|context| (context, "the context used before")))
    }

    /// Takes `context` into use; the one before is kept.
    pub(super) fn take_into_use(&mut self, context: Context) {
        if let Some(before) = self.current.replace(context) {
            self.older.push(before);
            if self.older.len() > OLDER {
                self.older.remove(0);
            }
        }
        self.misfit = false;
    }

    /// The procedure that is not ended.
    pub(super) fn open(&mut self) -> Option<&mut Command> {
        let last = self.commands.last_mut();
        last.filter(|command| command.outcome == Outcome::Open)
    }

    pub(super) fn begin(&mut self, command: Command) {
        if self.commands.len() == COMMANDS {
            self.commands.remove(0);
        }
        self.commands.push(command);
    }

    /// A connection of this access ended or begins.
    pub(super) fn disconnect(&mut self, access: AccessType) {
        self.secure[access.index()] = false;
        self.pending = None;
        self.authentication = None;
        self.downlinks = 0;
    }

    /// True the first time only.
    pub(super) fn first(&mut self, code: impl Into<Code>) -> bool {
        let code = code.into();
        let new = !self.warned.contains(&code);
        if new {
            self.warned.push(code);
        }
        new
    }

    /// The MAC was right with these keys. True when the UE has come back to keys that it had left, twice.
    pub(super) fn used(&mut self, entry: usize) -> bool {
        let [_, before, last] = self.history;
        if last == Some(entry) {
            return false;
        }
        self.history = [before, last, Some(entry)];
        self.returns += u32::from(before == Some(entry));
        self.returns >= 2 && before == Some(entry)
    }

    /// What `other`, the same subscriber, knew before.
    pub(super) fn inherit(&mut self, other: Self) {
        if self.current.is_none() {
            self.current = other.current;
        } else {
            self.older.extend(other.current);
        }
        let mut older = other.older;
        older.append(&mut self.older);
        older.drain(..older.len().saturating_sub(OLDER));
        self.older = older;
        let mut commands = other.commands;
        commands.append(&mut self.commands);
        self.commands = commands;
        self.capability = self.capability.or(other.capability);
        self.history = match self.history {
            [None, None, None] => other.history,
            kept => kept,
        };
        self.supi = self.supi.take().or(other.supi);
    }
}
