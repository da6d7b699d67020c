//! Where a key meets a counter: security contexts, NAS COUNT, protect and verify.
//!
//! ```text
//! protect:  number (COUNT taken) -> cipher -> MAC -> header
//! verify:   estimate COUNT -> MAC -> compare in constant time -> decipher those that passed -> commit COUNT
//! ```

mod activate;
mod binding;
pub mod container;
pub mod context;
pub mod count;
pub mod diagnosis;
mod handover;
mod header_type;
mod leave;
pub mod ledger;
pub mod protect;
mod seat;
pub mod side;
pub(crate) mod transfer;
pub mod ue;
pub mod verify;

pub use activate::Target;
pub(crate) use binding::Changed;
pub use binding::{KeyGuard, Resources};
pub use context::{Algorithms, Context, Identity, Kind, NasKeys, Role};
pub use count::{NearWrap, OutOfOrder, Thresholds};
pub use diagnosis::Diagnosis;
pub use leave::Deregistration;
pub use ledger::{Book, Cell, Ledger, Line, Standing};
pub use side::SidePool;
pub use ue::{KeyChange, Place, Settings, UeSecurity};
pub use verify::Verdict;
