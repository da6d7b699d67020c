//! A daemon that was built without slice authentication beyond the procedure: nobody can make one of these.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::base::Result;
use crate::session::Handle;

use super::super::super::config;
use super::super::super::exposition::SliceFigures;
use super::Home;

/// Nothing.
pub(in super::super) enum Opened {}

impl Opened {
    pub(in super::super) fn ports(&self) -> &[u16] {
        match *self {}
    }
}

/// Never opens anything: the settings were refused already.
pub(in super::super) fn open(
    settings: &config::Nssaa,
) -> std::result::Result<Option<Opened>, String> {
    if settings.wanted() {
        return Err("[nssaa]: this program was built without it (feature nssaa)".to_owned());
    }
    Ok(None)
}

/// Nothing.
pub(in super::super) enum Hosting {}

impl Hosting {
    pub(in super::super) fn start(opened: Opened) -> std::result::Result<Self, String> {
        match opened {}
    }

    pub(in super::super) fn bell(&self) -> BorrowedFd<'_> {
        match *self {}
    }

    pub(in super::super) fn mourner(&self) -> fn(Handle) {
        match *self {}
    }

    pub(in super::super) fn callbacks(&self) -> Option<std::net::SocketAddr> {
        match *self {}
    }

    pub(in super::super) fn figures(&self) -> Arc<Mutex<SliceFigures>> {
        match *self {}
    }

    pub(in super::super) fn next(&self) -> Option<Instant> {
        match *self {}
    }

    pub(in super::super) fn turn(&mut self, home: Home<'_>) {
        // Nobody else here reads them.
        let _ = (home.workers, home.owners);
        match *self {}
    }

    pub(in super::super) fn take(&mut self, _: Home<'_>, _: Handle) {
        match *self {}
    }

    pub(in super::super) fn drive(&mut self, _: Home<'_>, _: Handle) {
        match *self {}
    }

    pub(in super::super) fn look(&mut self, _: Home<'_>, _: Handle) {
        match *self {}
    }

    pub(in super::super) fn taken(&mut self, _: Home<'_>, _: Handle, _: bool) {
        match *self {}
    }

    pub(in super::super) fn forget(&mut self, _: Handle) {
        match *self {}
    }

    pub(in super::super) fn ready(&mut self, _: u64, _: usize) -> Vec<u64> {
        match *self {}
    }

    pub(in super::super) fn bell_of(&mut self, _: u64) -> Result<OwnedFd> {
        match *self {}
    }

    pub(in super::super) fn part(&mut self, _: u64) {
        match *self {}
    }

    pub(in super::super) fn count_sometimes(&mut self) {
        match *self {}
    }
}
