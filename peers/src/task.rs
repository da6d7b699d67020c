//! What is measured, and what takes part.

/// Where a PDU begins in its slot: its ciphered message is aligned, and there is room in front of the header.
pub const LEAD: usize = 9;
/// Where the ciphered message begins in a PDU.
pub const BODY: usize = 7;
/// Most messages in a call.
pub const BATCH_MAX: usize = 256;

/// What an AMF does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Work {
    /// A plain message becomes a downlink PDU, ciphered and with its MAC.
    Protect = 0,
    /// An uplink PDU's MAC is compared, then the message is deciphered.
    Verify = 1,
    /// K_AMF becomes K_NASenc and K_NASint for algorithm identity 2.
    Derive = 2,
}

/// What is measured.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// The work.
    pub work: Work,
    /// Identity of both NEA and NIA, 1 to 3; 2 for derivation.
    pub algorithm: u8,
    /// A key is expanded for every message, inside the clock.
    pub fresh_keys: bool,
    /// Messages in a call, at most [`BATCH_MAX`].
    pub batch: usize,
    /// Octets from one message to the next, both in and out.
    pub slot: usize,
    /// Lengths differ within a batch.
    pub mixed: bool,
    /// As on a processor without GFNI, VAES and SHA extensions, where a library can be told so by a call.
    pub restricted: bool,
}

/// Keys of a UE. They are made up, so that nothing wipes them.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Subscriber {
    /// K_AMF.
    pub k_amf: [u8; 32],
    /// K_NASenc.
    pub k_nas_enc: [u8; 16],
    /// K_NASint.
    pub k_nas_int: [u8; 16],
}

/// One message of a round.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Message {
    /// Whose keys.
    pub ue: u32,
    /// COUNT.
    pub count: u32,
    /// Octets of the plain message, fewer than 2,048.
    pub len: u32,
}

/// A way of a library.
///
/// A round has slots of [`Task::slot`] octets, one for each message, in and out. Protect: the plain message stands at
/// the slot's begin, its PDU goes to [`LEAD`]. Verify: the PDU stands at [`LEAD`]; the slot's first octet becomes 1 or
/// 0 for its MAC, and what is authentic is deciphered to [`LEAD`] + [`BODY`]. Derive: K_NASenc and K_NASint go to
/// [`LEAD`].
pub trait Contestant {
    /// As [`crate::Library::name`] has it.
    fn library(&self) -> &str;
    /// Which of the library's ways.
    fn way(&self) -> &str;
    /// Takes note of a round's messages, a multiple of the batch; outside the clock.
    fn load(&mut self, messages: &[Message]);
    /// The round that was loaded.
    fn run(&mut self, input: &[u8], out: &mut [u8]);
}

/// What the contestants in Rust share.
pub(crate) struct Round {
    pub(crate) task: Task,
    pub(crate) messages: Vec<Message>,
}

/// A message beside its slots.
pub(crate) struct Item<'r> {
    pub(crate) message: Message,
    pub(crate) input: &'r [u8],
    pub(crate) out: &'r mut [u8],
}

pub(crate) const BEARER: u8 = 1;

impl Round {
    pub(crate) fn new(task: &Task) -> Self {
        Self {
            task: *task,
            messages: Vec::new(),
        }
    }

    pub(crate) fn load(&mut self, messages: &[Message]) {
        self.messages.clear();
        self.messages.extend_from_slice(messages);
    }

    pub(crate) fn items<'r>(
        &'r self,
        input: &'r [u8],
        out: &'r mut [u8],
    ) -> impl Iterator<Item = Item<'r>> {
        let slot = self.task.slot;
        let places = input.chunks_exact(slot).zip(out.chunks_exact_mut(slot));
        let items = self.messages.iter().zip(places);
        items.map(|(message, (input, out))| Item {
            message: *message,
            input,
            out,
        })
    }
}

impl Item<'_> {
    /// Protect: the header and the plain message. Verify: the PDU.
    #[inline]
    pub(crate) fn lay(&mut self, work: Work) {
        let len = self.message.len as usize;
        if work == Work::Protect {
            self.out[LEAD] = 0x7E;
            self.out[LEAD + 1] = 2;
            self.out[LEAD + 6] = self.message.count as u8;
            self.out[LEAD + BODY..][..len].copy_from_slice(&self.input[..len]);
        } else {
            self.out[LEAD..][..BODY + len].copy_from_slice(&self.input[LEAD..][..BODY + len]);
        }
    }

    /// The message in the PDU.
    #[inline]
    pub(crate) fn text(&mut self) -> &mut [u8] {
        &mut self.out[LEAD + BODY..][..self.message.len as usize]
    }

    /// What the MAC covers: sequence number and message.
    #[inline]
    pub(crate) fn covered(&self) -> &[u8] {
        &self.out[LEAD + BODY - 1..][..1 + self.message.len as usize]
    }

    /// Protect: the MAC goes to the PDU. Verify: the verdict; true when the MAC is right.
    #[inline]
    pub(crate) fn settle(&mut self, work: Work, mac: [u8; 4]) -> bool {
        if work == Work::Protect {
            self.out[LEAD + 2..LEAD + 6].copy_from_slice(&mac);
            return true;
        }
        let right = self.out[LEAD + 2..LEAD + 6] == mac;
        self.out[0] = u8::from(right);
        right
    }
}
