//! The peers of naslane's benchmark behind one face, [`Contestant`]: the same messages and keys for everyone, and each
//! library in every way it offers, so that the frame can keep the best for each row.
//!
//! Only `naslane bench --peers` uses it (feature `peers`). It is the only place outside the kernels and the C ABI
//! with `unsafe`: the C libraries.

mod native;
mod oxirush;
mod rust_crypto;
mod task;
mod zuc_crate;

pub use task::{BATCH_MAX, BODY, Contestant, LEAD, Message, Subscriber, Task, Work};

/// A library with its version, and the instructions that it uses here.
pub struct Library {
    /// Name and version, as the table has it: `ipsec-mb 1.3`.
    pub name: String,
    /// What it says about the instructions it uses, or that it says nothing.
    pub instructions: String,
}

/// Every library, with the processor restricted or not as [`Task::restricted`] says.
#[must_use]
pub fn libraries(restricted: bool) -> Vec<Library> {
    let mut all = native::libraries(restricted);
    all.push(oxirush::library());
    all.push(rust_crypto::library());
    all.push(zuc_crate::library());
    all
}

/// Every way of every library that can do `task`. Who may keep key schedules may as well expand a key for each message
/// (less memory to go through, and some libraries gain by it): those ways belong to both kinds of rows.
#[must_use]
pub fn contestants(task: &Task, subscribers: &[Subscriber]) -> Vec<Box<dyn Contestant>> {
    let mut all = ways(task, subscribers);
    if task.work != Work::Derive && task.algorithm == 2 && !task.fresh_keys {
        let fresh = Task {
            fresh_keys: true,
            ..*task
        };
        all.extend(ways(&fresh, subscribers));
    }
    all
}

fn ways(task: &Task, subscribers: &[Subscriber]) -> Vec<Box<dyn Contestant>> {
    let mut all = native::contestants(task, subscribers);
    all.extend(oxirush::contestants(task, subscribers));
    all.extend(rust_crypto::contestants(task, subscribers));
    all.extend(zuc_crate::contestants(task, subscribers));
    all
}
