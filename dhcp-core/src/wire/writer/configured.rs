//! Which of the configured options are written, and in which order? What was asked for, in the order of the list; what hides what.
//!
//! Clients ask for a dozen options of which a configuration has a few: that one is not there costs next to nothing.

use core::net::Ipv4Addr;

use super::ReplyOptions;
use crate::wire::options::rendered::{OUR_OWN, parts};
use crate::wire::options::{CodeSet, Options, RenderedOptions, code};
use crate::wire::writer::room::Room;

/// Writes what is configured, filtered and ordered by what was asked for.
#[inline]
pub(super) fn put(options: &ReplyOptions<'_>, to: &mut Room<'_>) {
    let ReplyOptions { rendered, reserved, netmask, unasked, requested, .. } = *options;
    let mut configured = Configured { rendered, reserved, netmask, placed: CodeSet::EMPTY };
    for (code, _) in Options::new(unasked) {
        if configured.placed.insert(code) {
            to.put_parts(code, parts(unasked, code));
        }
    }
    match requested {
        Some(requested) => configured.put_requested(requested, to),
        None => configured.put_all(to),
    }
}

/// What a configuration sets.
struct Configured<'a> {
    rendered: &'a RenderedOptions<'a>,
    reserved: &'a [u8],
    netmask: Option<Ipv4Addr>,
    placed: CodeSet,
}

impl Configured<'_> {
    #[inline]
    fn put_requested(&mut self, requested: &[u8], to: &mut Room<'_>) {
        let alone = self.reserved.is_empty();
        for code in requested {
            if *code == code::ROUTERS && self.is_there(code::ROUTERS) {
                self.put(code::SUBNET_MASK, to);
            }
            // Most of what is asked for is nowhere, and most of what is there is in one part.
            match self.rendered.whole(*code) {
                Some(whole) if alone => {
                    if self.placed.insert(*code) {
                        to.put_whole(whole);
                    }
                }
                None if alone && *code != code::SUBNET_MASK && !self.rendered.has(*code) => {}
                Some(_) | None => self.put(*code, to),
            }
        }
        self.put(code::SUBNET_MASK, to);
    }

    /// What goes to a client that sends no list: everything, but for option 108.
    #[inline(never)]
    fn put_all(&mut self, to: &mut Room<'_>) {
        self.placed.insert(code::V6ONLY_PREFERRED);
        self.put(code::SUBNET_MASK, to);
        for octets in [self.reserved, self.rendered.octets()] {
            for (code, _) in Options::new(octets) {
                self.put(code, to);
            }
        }
    }

    fn is_there(&self, code: u8) -> bool {
        self.rendered.has(code) || parts(self.reserved, code).next().is_some()
    }

    /// Places an option if it is there, was not placed before, and is a configuration's to set.
    #[inline]
    fn put(&mut self, code: u8, to: &mut Room<'_>) {
        if self.placed.insert(code) {
            self.put_next(code, to);
        }
    }

    #[inline(never)]
    fn put_next(&self, code: u8, to: &mut Room<'_>) {
        let Self { rendered, reserved, netmask, .. } = *self;
        if !reserved.is_empty() && !OUR_OWN.contains(&code) {
            let mut own = parts(reserved, code).peekable();
            if own.peek().is_some() {
                return to.put_parts(code, own);
            }
        }
        if let Some(whole) = rendered.whole(code) {
            to.put_whole(whole);
        } else if rendered.has(code) {
            to.put_parts(code, rendered.parts(code));
        } else if let Some(netmask) = netmask.filter(|_| code == code::SUBNET_MASK) {
            let [a, b, c, d] = netmask.octets();
            to.put_whole(&[code, 4, a, b, c, d]);
        }
    }
}
