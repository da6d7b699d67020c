//! The session table: where the security of one UE lives between two calls, and how it travels.
//!
//! [`Table`] holds a fixed number of sessions, each behind its own lock and named by a [`Handle`] that goes stale
//! when the session is released. A defect that panics closes one session, not the table. [`KeyMemory`] knows the
//! keys that the table holds or held, so that no K_AMF starts again at COUNT 0. [`record`] writes a session down
//! and takes it up again. [`Journal`] keeps COUNTs where they outlive a crash of the process, and sessions sealed
//! beside them; [`attend`] keeps the sessions' leases in a store that outlives the host, and takes sessions over.
//! [`SliceRooms`] keeps beside the table what network slice-specific authentication knows.

#[cfg(all(feature = "survive", target_os = "linux"))]
pub mod attend;
mod free;
pub mod guard;
pub mod handle;
mod journal;
mod layout;
mod locked;
pub mod record;
mod shard;
pub mod slices;
mod slot;
pub mod table;
#[cfg(test)]
mod tests;

pub use guard::{Floors, KeyMemory};
pub use handle::Handle;
#[cfg(all(feature = "survive", target_os = "linux"))]
pub use journal::{Before, Folder, Succession};
pub use journal::{Journal, Opened};
pub use locked::{Exclusive, Guard};
pub use record::{Extent, Record};
pub use slices::{SliceGroup, SliceHalf, SliceRooms};
pub use slot::Session;
pub use table::{Memory, Table, TableConfig};
