//! State machines without I/O or clock: events in, actions out.
//!
//! | room | what it runs |
//! |---|---|
//! | [`smc`] | the security mode procedure, AMF half and UE half |
//! | [`handover`] | handovers at N2 that take a context into use, AMF half and UE half |
//! | [`nssaa`] | network slice-specific authentication, AMF half and UE half |

pub mod handover;
pub mod nssaa;
pub mod smc;
mod step;
