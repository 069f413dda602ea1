//! Which of the configured options are written, and in which order? What was asked for, in the order of the list; what hides what.

use super::ReplyOptions;
use crate::wire::options::rendered::{OUR_OWN, parts};
use crate::wire::options::{CodeSet, Fields, Options, code};
use crate::wire::writer::room::Room;

/// Writes what is configured, filtered and ordered by what was asked for.
pub(super) fn put(options: &ReplyOptions<'_>, to: &mut Room<'_>) {
    let ReplyOptions { rendered, reserved, requested, .. } = *options;
    let [selection, netmask] =
        [(code::SUBNET_SELECTION, options.subnet_selection), (code::SUBNET_MASK, options.netmask)]
            .map(|(code, address)| {
                let [a, b, c, d] = address.map_or([0; 4], |address| address.octets());
                (address.is_some(), [code, 4, a, b, c, d])
            });
    let [selection, netmask] =
        [&selection, &netmask].map(|(there, option)| if *there { option.as_slice() } else { &[] });
    let from = [selection, reserved, rendered.octets(), netmask];
    let mut there = CodeSet::EMPTY;
    for (code, _) in from.into_iter().flat_map(Options::new) {
        there.insert(code);
    }
    let mut configured = Configured { from, there, placed: CodeSet::EMPTY };
    if !selection.is_empty() {
        configured.put(code::SUBNET_SELECTION, to);
    }
    if let Some(requested) = requested {
        for code in requested {
            if *code == code::ROUTERS && there.contains(code::ROUTERS) {
                configured.put(code::SUBNET_MASK, to);
            }
            configured.put(*code, to);
        }
    } else {
        // Everything, but for what is only for those that ask.
        configured.placed.insert(code::V6ONLY_PREFERRED);
        configured.put(code::SUBNET_MASK, to);
        for (code, _) in Fields::new(reserved, rendered.octets(), &[]) {
            configured.put(code, to);
        }
    }
    configured.put(code::SUBNET_MASK, to);
}

/// What a configuration sets, and what hides it.
struct Configured<'a> {
    /// Rendered options. What is in one hides the same code in those behind it.
    from: [&'a [u8]; 4],
    /// All codes that are in any. Clients ask for a dozen options of which few are there.
    there: CodeSet,
    placed: CodeSet,
}

impl Configured<'_> {
    /// Places an option if it is there, was not placed before, and is not one that a server writes by itself.
    #[inline(never)]
    fn put(&mut self, code: u8, to: &mut Room<'_>) {
        if !self.there.contains(code) || !self.placed.insert(code) || OUR_OWN.contains(&code) {
            return;
        }
        for octets in self.from {
            let mut parts = parts(octets, code).peekable();
            if parts.peek().is_some() {
                return to.put_parts(code, &mut parts);
            }
        }
    }
}
