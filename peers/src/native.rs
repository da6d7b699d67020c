//! The C libraries: Intel's Multi-Buffer library and OpenSSL, through `c/`.

use std::ffi::{CStr, c_char, c_void};

use crate::task::{BATCH_MAX, Contestant, LEAD, Message, Subscriber, Task, Work};
use crate::{Library, task};

/// `task` of c/peers.h.
#[repr(C)]
struct RawTask {
    work: u32,
    algorithm: u32,
    fresh: u32,
    batch: u32,
    slot: u32,
    restricted: u32,
    mixed: u32,
    ues: u32,
    subscribers: *const Subscriber,
}

/// `round_of_work` of c/peers.h.
#[repr(C)]
struct RawRound {
    messages: *const Message,
    count: usize,
    input: *const u8,
    out: *mut u8,
}

/// The functions of a library, as c/peers.h declares them.
#[derive(Clone, Copy)]
struct Functions {
    way: unsafe extern "C" fn(*const RawTask, usize) -> *const c_char,
    new: unsafe extern "C" fn(*const RawTask, usize) -> *mut c_void,
    run: unsafe extern "C" fn(*mut c_void, *const RawRound),
    free: unsafe extern "C" fn(*mut c_void),
}

macro_rules! declare {
    ($($way:ident $new:ident $run:ident $free:ident;)*) => {
        unsafe extern "C" {
            $(
                fn $way(task: *const RawTask, way: usize) -> *const c_char;
                fn $new(task: *const RawTask, way: usize) -> *mut c_void;
                fn $run(state: *mut c_void, round: *const RawRound);
                fn $free(state: *mut c_void);
            )*
        }
    };
}

declare! { openssl_way openssl_new openssl_run openssl_free; }
#[cfg(ipsec_mb)]
declare! { ipsec_mb_way ipsec_mb_new ipsec_mb_run ipsec_mb_free; }

unsafe extern "C" {
    fn openssl_version() -> *const c_char;
    fn openssl_instructions() -> *const c_char;
    #[cfg(ipsec_mb)]
    fn ipsec_mb_version() -> *const c_char;
    #[cfg(ipsec_mb)]
    fn ipsec_mb_instructions(restricted: u32, to: *mut c_char, size: usize);
}

const OPENSSL: Functions = Functions {
    way: openssl_way,
    new: openssl_new,
    run: openssl_run,
    free: openssl_free,
};
#[cfg(ipsec_mb)]
const IPSEC_MB: Functions = Functions {
    way: ipsec_mb_way,
    new: ipsec_mb_new,
    run: ipsec_mb_run,
    free: ipsec_mb_free,
};

/// # Safety
/// `text` is null or a string that ends with zero and stays.
unsafe fn owned(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller promises it.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}

fn openssl_name() -> String {
    // SAFETY: OpenSSL gives a static string.
    let version = unsafe { owned(openssl_version()) };
    format!("OpenSSL {}", version.unwrap_or_default())
}

#[cfg(ipsec_mb)]
fn ipsec_mb_name() -> String {
    // SAFETY: the library gives a static string.
    let version = unsafe { owned(ipsec_mb_version()) };
    let version = version.unwrap_or_default();
    format!(
        "ipsec-mb {}",
        version.strip_suffix(".0").unwrap_or(&version)
    )
}

pub(crate) fn libraries(restricted: bool) -> Vec<Library> {
    let mut all = Vec::new();
    #[cfg(ipsec_mb)]
    {
        let mut text = [0_u8; 128];
        // SAFETY: it writes a string with its zero to at most that many octets.
        unsafe {
            ipsec_mb_instructions(u32::from(restricted), text.as_mut_ptr().cast(), text.len());
        }
        let text = CStr::from_bytes_until_nul(&text).unwrap_or_default();
        all.push(Library {
            name: ipsec_mb_name(),
            instructions: format!(
                "{}; where it is faster its AVX2 code, and SHA-256 in AVX-512 lanes",
                text.to_string_lossy()
            ),
        });
    }
    // SAFETY: OpenSSL gives a static string.
    let settings = unsafe { owned(openssl_instructions()) };
    let how = if restricted {
        "restricted by OPENSSL_ia32cap"
    } else {
        "all it knows"
    };
    all.push(Library {
        name: openssl_name(),
        instructions: format!("{how} ({})", settings.unwrap_or_default()),
    });
    all
}

/// A way of a C library.
struct Native {
    library: String,
    way: String,
    functions: Functions,
    state: *mut c_void,
    task: Task,
    ues: usize,
    messages: Vec<Message>,
}

pub(crate) fn contestants(task: &Task, subscribers: &[Subscriber]) -> Vec<Box<dyn Contestant>> {
    let mut all: Vec<Box<dyn Contestant>> = Vec::new();
    let mut add = |library: String, functions: Functions| {
        for way in 0.. {
            let Some(one) = Native::new(&library, functions, way, (task, subscribers)) else {
                break;
            };
            all.push(Box::new(one));
        }
    };
    #[cfg(ipsec_mb)]
    add(ipsec_mb_name(), IPSEC_MB);
    add(openssl_name(), OPENSSL);
    all
}

impl Native {
    fn new(
        library: &str,
        functions: Functions,
        way: usize,
        (task, subscribers): (&Task, &[Subscriber]),
    ) -> Option<Self> {
        assert!((1..=BATCH_MAX).contains(&task.batch) && (1..=3).contains(&task.algorithm));
        let raw = RawTask {
            work: task.work as u32,
            algorithm: u32::from(task.algorithm),
            fresh: u32::from(task.fresh_keys),
            batch: task.batch as u32,
            slot: task.slot as u32,
            restricted: u32::from(task.restricted),
            mixed: u32::from(task.mixed),
            ues: subscribers.len() as u32,
            subscribers: subscribers.as_ptr(),
        };
        // SAFETY: `raw` and the subscribers it points at live through the call; the answer is null or static.
        let name = unsafe { owned((functions.way)(&raw, way)) }?;
        // SAFETY: as above, and the library has this way for this task.
        let state = unsafe { (functions.new)(&raw, way) };
        Some(Self {
            // Messages in another order than they came in: other work than the rest of the table.
            library: if name.ends_with(", sorted") {
                format!("{library}, sorted by its caller")
            } else {
                library.to_owned()
            },
            way: if task.fresh_keys && task.algorithm == 2 {
                format!("{name}, a key each")
            } else {
                name
            },
            functions,
            state,
            task: *task,
            ues: subscribers.len(),
            messages: Vec::new(),
        })
    }
}

impl Contestant for Native {
    fn library(&self) -> &str {
        &self.library
    }

    fn way(&self) -> &str {
        &self.way
    }

    fn load(&mut self, messages: &[Message]) {
        assert!(messages.len().is_multiple_of(self.task.batch));
        let room = self.task.slot - LEAD - task::BODY;
        let fits = |message: &Message| {
            (message.ue as usize) < self.ues
                && (message.len as usize) <= room
                && message.len < 2048
                && (self.task.work != Work::Derive || room + task::BODY >= 32)
        };
        assert!(messages.iter().all(fits));
        self.messages.clear();
        self.messages.extend_from_slice(messages);
    }

    fn run(&mut self, input: &[u8], out: &mut [u8]) {
        let slots = self.messages.len() * self.task.slot;
        assert!(input.len() >= slots && out.len() >= slots);
        let round = RawRound {
            messages: self.messages.as_ptr(),
            count: self.messages.len(),
            input: input.as_ptr(),
            out: out.as_mut_ptr(),
        };
        // SAFETY: `state` came from `new` of the same library and is only used here, through `&mut self`. Every slot
        // lies in both buffers, and `load` saw that each message fits its slot and each UE is one of those given.
        unsafe { (self.functions.run)(self.state, &round) };
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // SAFETY: `state` came from `new` of the same library and is not used again.
        unsafe { (self.functions.free)(self.state) };
    }
}
