//! TS 33.501 Annex A: every key is HMAC-SHA-256 of a key above it and a string that says what it is for.
//!
//! | file | clauses |
//! |---|---|
//! | `authentication` | A.2 K_AUSF, A.3 CK' and IK', A.4 RES*, A.5 HRES*, A.6 K_SEAF, A.7 K_AMF |
//! | `algorithm_keys` | A.8 K_NASenc, K_NASint, K_RRC, K_UP |
//! | `access_keys` | A.9 K_gNB and siblings, A.10 NH, A.11 and A.12 K_NG-RAN* |
//! | `mobility` | A.13 K_AMF', A.14 K_ASME', A.15 K_AMF' from EPS, A.21 K_ASME_SRVCC |
//! | `batch` | K_AMF, K_NAS and K_gNB of many UEs at a time |
//! | `moves` | NH, K_AMF' and the mappings to and from EPS of many UEs at a time |
//! | `nh_chain` | NH and NCC of one UE, advanced in two phases (TS 33.501 6.9.2.1.1) |
//! | `keys`, `names` | the types: keys, serving network name, SUPI, ABBA |
//! | `message`, `hmac` | the string S of TS 33.220 B.2 and the function over it |
//!
//! Nothing here allocates, keeps state or fails on a typed input; where bytes become a type, [`crate::base::Error`]
//! says why not.

mod access_keys;
mod algorithm_keys;
mod authentication;
mod batch;
mod hmac;
mod keys;
mod message;
mod mobility;
mod moves;
mod names;
mod nh_chain;

pub use access_keys::{AsKey, NgRanTarget, k_gnb, k_ng_ran_star, nh};
pub use algorithm_keys::{AlgorithmId, AlgorithmType, algorithm_key, k_nas_enc, k_nas_int};
pub use authentication::{
    HresStarLane, ck_ik_prime, hres_star, hres_star_batch, k_amf, k_ausf, k_ausf_from_emsk, k_seaf,
    res_star,
};
pub use batch::{KAmfLane, KGnbLane, KNasLane, k_amf_batch, k_gnb_batch, k_nas_batch};
pub use keys::{CkIk, HresStar, KAmf, KAsme, KAusf, KGnb, KNasEnc, KNasInt, KSeaf, Nh, ResStar};
pub use message::{DERIVE_MAX_LEN, derive};
pub use mobility::{
    HorizontalDirection, k_amf_from_eps_handover, k_amf_from_eps_idle, k_amf_prime,
    k_asme_handover, k_asme_idle, k_asme_srvcc,
};
pub use moves::{
    FromEps, KAmfFromEpsLane, KAmfPrimeLane, KAsmeLane, NhLane, ToEps, k_amf_from_eps_batch,
    k_amf_prime_batch, k_asme_batch, nh_batch,
};
pub use names::{Abba, ServingNetworkName, Supi};
pub use nh_chain::{NhChain, PreparedNh};
